#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/civil_time.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/table_name.h"
#include "cli/text_table.h"
#include "iceberg/scan.h"
#include "iceberg/transaction.h"
#include "lake/table_version.h"

namespace octolake::cli {
namespace {

struct TablesFlags {
  std::string table;
  bool snapshots = false;
  bool files = false;
  bool history = false;
  bool schema = false;
  std::optional<int64_t> rollback_to;
  bool drop = false;
};

std::string Summary(const iceberg::Snapshot& snapshot, const char* key) {
  auto it = snapshot.summary.find(key);
  return it == snapshot.summary.end() ? "" : it->second;
}

std::string Time(int64_t millis) { return FormatTimestamp(millis * 1000); }

Result<TextTable> ListTables(lake::Warehouse& warehouse) {
  TextTable out({{"table"},
                 {"rows", true},
                 {"files", true},
                 {"bytes", true},
                 {"snapshots", true},
                 {"updated"}});
  OCTO_ASSIGN(std::vector<std::string> namespaces, warehouse.catalog().ListNamespaces());
  for (const std::string& name_space : namespaces) {
    OCTO_ASSIGN(auto tables, warehouse.catalog().ListTables(name_space));
    for (const iceberg::TableIdentifier& id : tables) {
      Result<iceberg::Table> table = warehouse.catalog().LoadTable(id);
      if (!table) {
        out.Add({id.ToString(), "", "", "", "", "cannot be read: " + table.error().message});
        continue;
      }
      const iceberg::TableMetadata& metadata = *table->metadata;
      const iceberg::Snapshot* current = metadata.CurrentSnapshot();
      out.Add({id.ToString(), current ? Summary(*current, "total-records") : "0",
               current ? Summary(*current, "total-data-files") : "0",
               current ? Summary(*current, "total-files-size") : "0",
               std::to_string(metadata.snapshots.size()), Time(metadata.last_updated_ms)});
    }
  }
  return out;
}

TextTable ListSnapshots(const iceberg::TableMetadata& metadata) {
  TextTable out({{"snapshot_id"},
                 {"parent_id"},
                 {"time"},
                 {"operation"},
                 {"added_rows", true},
                 {"deleted_rows", true},
                 {"total_rows", true},
                 {"refs"}});
  for (const iceberg::Snapshot& snapshot : metadata.snapshots) {
    std::string refs;
    for (const auto& [name, ref] : metadata.refs) {
      if (ref.snapshot_id == snapshot.snapshot_id) refs += (refs.empty() ? "" : " ") + name;
    }
    const auto parent = snapshot.parent_snapshot_id;
    out.Add({std::to_string(snapshot.snapshot_id), parent ? std::to_string(*parent) : "",
             Time(snapshot.timestamp_ms), Summary(snapshot, "operation"),
             Summary(snapshot, "added-records"), Summary(snapshot, "deleted-records"),
             Summary(snapshot, "total-records"), refs});
  }
  return out;
}

TextTable ListHistory(const iceberg::TableMetadata& metadata) {
  TextTable out({{"time"}, {"snapshot_id"}, {"is_current_ancestor"}});
  for (const iceberg::SnapshotLogEntry& entry : metadata.snapshot_log) {
    const bool ancestor =
        metadata.current_snapshot_id &&
        iceberg::IsAncestorOf(metadata, entry.snapshot_id, *metadata.current_snapshot_id);
    out.Add({Time(entry.timestamp_ms), std::to_string(entry.snapshot_id), ancestor ? "yes" : "no"});
  }
  return out;
}

TextTable ListSchema(const iceberg::TableMetadata& metadata) {
  TextTable out({{"id", true}, {"column"}, {"type"}, {"required"}, {"description"}});
  for (const iceberg::Field& field : metadata.CurrentSchema().fields) {
    out.Add({std::to_string(field.id), field.name, iceberg::TypeName(*field.type),
             field.required ? "yes" : "no", field.doc});
  }
  return out;
}

Result<TextTable> ListFiles(lake::Warehouse& warehouse, const iceberg::TableMetadata& metadata) {
  TextTable out({{"file"},
                 {"partition"},
                 {"rows", true},
                 {"bytes", true},
                 {"sequence", true},
                 {"delete_files", true}});
  OCTO_ASSIGN(std::vector<iceberg::ScanTask> tasks,
              iceberg::PlanScan(warehouse.file_system(), metadata, std::nullopt, {}));
  for (const iceberg::ScanTask& task : tasks) {
    const iceberg::PartitionSpec* spec = metadata.FindSpec(task.file.spec_id);
    std::string partition;
    if (spec != nullptr) {
      OCTO_ASSIGN(auto type, iceberg::PartitionType(metadata.CurrentSchema(), *spec));
      partition = iceberg::PartitionPath(*spec, *type, task.file.partition);
    }
    out.Add({task.file.file_path, partition, std::to_string(task.file.record_count),
             std::to_string(task.file.file_size_in_bytes), std::to_string(task.sequence_number),
             std::to_string(task.deletes.size())});
  }
  return out;
}

Result<TextTable> RollBack(lake::Warehouse& warehouse, const iceberg::Table& table,
                           int64_t snapshot_id) {
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(table.identifier,
                  iceberg::AssertCurrentSnapshot(table.metadata->current_snapshot_id));
  transaction.Add(table.identifier, iceberg::RollbackTo(snapshot_id));
  OCTO_ASSIGN(std::vector<iceberg::Table> committed, transaction.Commit());
  return ListSnapshots(*committed.front().metadata);
}

// Also takes out a table of which nothing but its row in the catalog is whole.
Result<TextTable> Drop(lake::Warehouse& warehouse, const iceberg::TableIdentifier& id) {
  OCTO_TRY(warehouse.catalog().DropTable(id));
  TextTable out({{"property"}, {"value"}});
  out.Add({"dropped", id.ToString()});
  out.Add({"files left in", warehouse.catalog().DefaultTableLocation(id)});
  return out;
}

// What a table looks like when nothing particular is asked for.
TextTable Describe(const iceberg::Table& table) {
  const iceberg::TableMetadata& metadata = *table.metadata;
  const iceberg::Snapshot* current = metadata.CurrentSnapshot();
  TextTable out({{"property"}, {"value"}});
  out.Add({"table", table.identifier.ToString()});
  out.Add({"location", metadata.location});
  out.Add({"metadata", table.metadata_location});
  out.Add({"uuid", metadata.table_uuid});
  out.Add({"updated", Time(metadata.last_updated_ms)});
  out.Add({"current snapshot", current ? std::to_string(current->snapshot_id) : "none"});
  out.Add({"rows", current ? Summary(*current, "total-records") : "0"});
  out.Add({"files", current ? Summary(*current, "total-data-files") : "0"});
  out.Add({"bytes", current ? Summary(*current, "total-files-size") : "0"});
  const std::string deletes = current ? Summary(*current, "total-position-deletes") : "0";
  // Those of another engine; the rows above are with the deleted ones.
  if (!deletes.empty() && deletes != "0") out.Add({"position deletes", deletes});
  for (const iceberg::PartitionField& field : metadata.DefaultSpec().fields) {
    out.Add({"partitioned by", field.name + " (" + field.transform.ToString() + ")"});
  }
  for (const auto& [key, value] : metadata.properties) out.Add({key, value});
  return out;
}

// `id` is nullopt for the list of all tables.
Result<TextTable> Answer(const Context& context, const TablesFlags& flags,
                         const std::optional<iceberg::TableIdentifier>& id) {
  OCTO_ASSIGN(auto warehouse, context.OpenWarehouse(false));
  if (!id) return ListTables(*warehouse);
  if (flags.drop) return Drop(*warehouse, *id);
  if (flags.rollback_to) {
    OCTO_ASSIGN(const iceberg::Table table, lake::LoadForWriting(*warehouse, *id));
    return RollBack(*warehouse, table, *flags.rollback_to);
  }
  OCTO_ASSIGN(iceberg::Table table, warehouse->catalog().LoadTable(*id));
  if (flags.snapshots) return ListSnapshots(*table.metadata);
  if (flags.history) return ListHistory(*table.metadata);
  if (flags.schema) return ListSchema(*table.metadata);
  if (flags.files) return ListFiles(*warehouse, *table.metadata);
  return Describe(table);
}

int Tables(const Context& context, const TablesFlags& flags) {
  const bool needs_table = flags.snapshots || flags.files || flags.history || flags.schema ||
                           flags.rollback_to.has_value() || flags.drop;
  if (needs_table && flags.table.empty()) {
    return context.FailUsage(
        {ErrorKind::kInvalidArgument, "name a table, for example gold.gold_user_activity"});
  }
  std::optional<iceberg::TableIdentifier> id;
  if (!flags.table.empty()) {
    Result<iceberg::TableIdentifier> parsed = ParseTableName(flags.table);
    if (!parsed) return context.FailUsage(parsed.error());
    id = std::move(*parsed);
  }
  Result<TextTable> answer = Answer(context, flags, id);
  if (!answer) return context.Fail(answer.error());
  std::fputs((context.flags.json ? answer->ToJson() : answer->ToText()).c_str(), stdout);
  return kDone;
}

}  // namespace

void AddTablesCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<TablesFlags>();
  CLI::App* command = app.add_subcommand("tables", "List the tables, or look into one");
  command->add_option("table", flags->table, "NAMESPACE.TABLE");
  command->add_flag("--snapshots", flags->snapshots, "Its snapshots, with the refs that hold them");
  command->add_flag("--files", flags->files, "Its data files");
  command->add_flag("--history", flags->history, "What was current when");
  command->add_flag("--schema", flags->schema, "Its columns");
  command->add_option("--rollback-to", flags->rollback_to, "Make an older snapshot current again")
      ->type_name("SNAPSHOT_ID");
  command->add_flag("--drop", flags->drop, "Take its name out of the catalog; its files stay");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Tables(context, *flags); };
  });
}

}  // namespace octolake::cli
