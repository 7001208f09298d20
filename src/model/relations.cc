#include "model/relations.h"

#include <set>

#include "datafile/file_check.h"
#include "iceberg/scan.h"

namespace octolake::model {
namespace {

std::string SqlText(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

iceberg::TableIdentifier TableOf(const Relation& relation, const lake::Namespaces& namespaces) {
  std::string name_space = relation.layer;
  if (relation.layer == "bronze") name_space = namespaces.bronze;
  if (relation.layer == "silver") name_space = namespaces.silver;
  if (relation.layer == "gold") name_space = namespaces.gold;
  return {std::move(name_space), relation.name};
}

Result<Relation> FindRelation(const Bundle& bundle, const std::string& unique_id) {
  if (const Model* model = bundle.FindModel(unique_id)) return model->relation;
  if (const Source* source = bundle.FindSource(unique_id)) return source->relation;
  return MakeError(ErrorKind::kNotFound,
                   unique_id + " is neither a model nor a source of the compiled dbt project");
}

sql::RelationName CompiledName(const Relation& relation) {
  return {kCompiledCatalog, relation.layer, relation.name};
}

sql::RelationName ChangesName(const Relation& relation) {
  return {kCompiledCatalog, kChangesSchema, relation.layer + "__" + relation.name};
}

Status AllowWarehouse(const lake::Warehouse& warehouse, sql::SessionOptions& options) {
  if (options.temp_directory.empty()) options.temp_directory = warehouse.temp_directory();
  if (warehouse.is_local()) {
    options.readable_directories.push_back(warehouse.directory());
    return {};
  }
  options.readable_directories.push_back(warehouse.location() + "/");
  OCTO_ASSIGN(options.s3, io::ResolveS3Settings(*warehouse.s3()));
  return {};
}

Status AddSnapshot(sql::Session& session, const sql::RelationName& name, lake::Warehouse& warehouse,
                   const iceberg::Table& table, std::optional<int64_t> snapshot_id) {
  const iceberg::TableMetadata& metadata = *table.metadata;
  if (!snapshot_id) return session.AddRelation(name, metadata.CurrentSchema(), {});
  const iceberg::Snapshot* snapshot = metadata.FindSnapshot(*snapshot_id);
  const iceberg::Schema* schema = nullptr;
  if (snapshot != nullptr && snapshot->schema_id)
    schema = metadata.FindSchema(*snapshot->schema_id);
  const bool current = metadata.current_snapshot_id == snapshot_id;
  if (schema == nullptr || current) schema = &metadata.CurrentSchema();
  auto tasks = iceberg::PlanScan(warehouse.file_system(), metadata, snapshot_id, {});
  if (!tasks) return WithContext(tasks.error(), table.identifier.ToString());
  const auto check = [&](const iceberg::DataFile& file) -> Status {
    if (io::IsS3Location(file.file_path)) return {};
    Status checked = datafile::CheckFileSize(warehouse.file_system(), file);
    if (!checked) return WithContext(std::move(checked).error(), table.identifier.ToString());
    return {};
  };
  std::set<std::string> known_deletes;
  for (const iceberg::ScanTask& task : *tasks) {
    OCTO_TRY(check(task.file));
    for (const iceberg::DataFile& deletes : task.deletes) {
      if (known_deletes.insert(deletes.file_path).second) OCTO_TRY(check(deletes));
    }
  }
  return session.AddPrunedRelation(name, *schema, std::move(tasks).value(), table.metadata);
}

// A filter, since an unused column would be left out, and its error with it.
Status AddUnreadable(sql::Session& session, const sql::RelationName& name, const std::string& why,
                     const iceberg::Schema* schema) {
  std::string columns;
  if (schema != nullptr) {
    for (const iceberg::Field& field : schema->fields) {
      columns += (columns.empty() ? "NULL AS " : ", NULL AS ") + sql::QuoteIdentifier(field.name);
    }
  }
  if (columns.empty()) columns = "NULL AS unreadable";
  return session.AddView(name, "SELECT " + columns + " WHERE error(" + SqlText(why) + ") IS NULL");
}

Result<iceberg::Table> LoadInput(lake::Warehouse& warehouse, const iceberg::TableIdentifier& id) {
  Result<iceberg::Table> table = warehouse.catalog().LoadTable(id);
  if (!table && table.error().kind == ErrorKind::kNotFound) {
    return MakeError(ErrorKind::kNotFound, table.error().message +
                                               "; 'octolake load' and 'octolake run' make the "
                                               "tables of warehouse " +
                                               warehouse.directory());
  }
  return table;
}

}  // namespace octolake::model
