#include "model/relations.h"
#include "model/run.h"

namespace octolake::model {
namespace {

using iceberg::Table;
using iceberg::TableMetadata;

// The snapshot of a table that a session sees; nullopt if it had none at that time.
Result<std::optional<int64_t>> PinnedSnapshot(const TableMetadata& metadata, const AsOf& as_of) {
  if (as_of.snapshot_id && metadata.FindSnapshot(*as_of.snapshot_id) != nullptr) {
    return as_of.snapshot_id;
  }
  if (!as_of.timestamp_ms) return metadata.current_snapshot_id;
  auto snapshot = iceberg::SnapshotAsOf(metadata, *as_of.timestamp_ms);
  if (snapshot) return (*snapshot)->snapshot_id;
  if (snapshot.error().kind == ErrorKind::kNotFound) return std::optional<int64_t>();
  return tl::unexpected<Error>(snapshot.error());
}

struct Found {
  bool snapshot = false;  // the one asked for by id
  std::vector<std::string> unreadable;
};

// A table that cannot be read spoils only the queries that use it.
Status AddTable(sql::Session& session, lake::Warehouse& warehouse, const AsOf& as_of,
                const iceberg::TableIdentifier& id, Found& found) {
  const sql::RelationName name{warehouse.catalog_name(), id.name_space, id.name};
  Result<Table> table = warehouse.catalog().LoadTable(id);
  Status added;
  if (!table) {
    added = tl::unexpected<Error>(table.error());
  } else {
    const auto snapshot = PinnedSnapshot(*table->metadata, as_of);
    if (snapshot) {
      found.snapshot = found.snapshot || (*snapshot && *snapshot == as_of.snapshot_id);
      if (!*snapshot && as_of.timestamp_ms) return {};
      added = AddSnapshot(session, name, warehouse, *table, *snapshot);
    } else {
      added = tl::unexpected<Error>(snapshot.error());
    }
  }
  if (added) return {};
  found.unreadable.push_back(id.ToString() + " cannot be read: " + added.error().message);
  return AddUnreadable(session, name, found.unreadable.back(),
                       table ? &table->metadata->CurrentSchema() : nullptr);
}

// Compiled SQL with the compiled names of all relations replaced by this warehouse's.
std::string WithWarehouseNames(std::string sql, const Bundle& bundle, lake::Warehouse& warehouse) {
  auto replace = [&](const Relation& relation) {
    const sql::RelationName compiled = CompiledName(relation);
    const iceberg::TableIdentifier id = TableOf(relation, warehouse.namespaces());
    const std::string from = sql::QuoteIdentifier(compiled.catalog) + "." +
                             sql::QuoteIdentifier(compiled.name_space) + "." +
                             sql::QuoteIdentifier(compiled.name);
    const std::string to = sql::QuoteIdentifier(warehouse.catalog_name()) + "." +
                           sql::QuoteIdentifier(id.name_space) + "." +
                           sql::QuoteIdentifier(id.name);
    for (size_t at = sql.find(from); at != std::string::npos; at = sql.find(from, at + to.size())) {
      sql.replace(at, from.size(), to);
    }
  };
  for (const Model& model : bundle.models) replace(model.relation);
  for (const Source& source : bundle.sources) replace(source.relation);
  return sql;
}

}  // namespace

Result<std::unique_ptr<sql::Session>> OpenWarehouseSession(lake::Warehouse& warehouse,
                                                           const Bundle& bundle, const AsOf& as_of,
                                                           sql::SessionOptions options,
                                                           std::vector<std::string>* unreadable) {
  OCTO_TRY(AllowWarehouse(warehouse, options));
  OCTO_ASSIGN(std::unique_ptr<sql::Session> session, sql::OpenSession(options));
  Found found;
  OCTO_ASSIGN(std::vector<std::string> namespaces, warehouse.catalog().ListNamespaces());
  for (const std::string& name_space : namespaces) {
    OCTO_ASSIGN(std::vector<iceberg::TableIdentifier> tables,
                warehouse.catalog().ListTables(name_space));
    for (const iceberg::TableIdentifier& id : tables) {
      OCTO_TRY(AddTable(*session, warehouse, as_of, id, found));
    }
  }
  if (as_of.snapshot_id && !found.snapshot) {
    return MakeError(ErrorKind::kNotFound, "no table has snapshot " +
                                               std::to_string(*as_of.snapshot_id) +
                                               "; 'octolake tables TABLE --snapshots' lists them");
  }
  for (const Model& model : bundle.models) {
    if (model.materialization != Materialization::kView) continue;
    const iceberg::TableIdentifier id = TableOf(model.relation, warehouse.namespaces());
    OCTO_TRY(session->AddView({warehouse.catalog_name(), id.name_space, id.name},
                              WithWarehouseNames(model.full_sql, bundle, warehouse)));
  }
  OCTO_TRY(session->UseCatalog(warehouse.catalog_name()));
  if (unreadable != nullptr) *unreadable = std::move(found.unreadable);
  return session;
}

}  // namespace octolake::model
