#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "lake/table_check.h"
#include "lake/table_version.h"

namespace octolake::lake {
namespace {

struct OwnTable {
  iceberg::TableIdentifier identifier;
  TableDefinition definition;
};

// A column that is renamed is named here with its former name: {{"new", "old"}}.
std::vector<OwnTable> OwnTables(const Namespaces& namespaces) {
  return {{BronzeEvents(namespaces), {BronzeEventsDefinition(), {}}},
          {RejectedEvents(namespaces), {RejectedEventsDefinition(), {}}},
          {LoadedFiles(namespaces), {LoadedFilesDefinition(), {}}},
          {ParsedEvents(namespaces), {ParsedEventsDefinition(), {}}}};
}

Status Upgrade(Warehouse& warehouse, const OwnTable& own) {
  auto table = warehouse.catalog().LoadTable(own.identifier);
  if (!table && table.error().kind == ErrorKind::kNotFound) return {};
  if (!table) return tl::unexpected<Error>(std::move(table).error());
  OCTO_TRY(OpenForWriting(warehouse, *std::move(table), own.definition));
  return {};
}

Status Create(Warehouse& warehouse, const OwnTable& own) {
  if (own.identifier.name_space == warehouse.namespaces().bronze) {
    OCTO_TRY(CheckNotLost(warehouse, own.identifier));
  }
  OCTO_TRY(iceberg::CreateTableIfMissing(warehouse.catalog(), warehouse.update_context(),
                                         own.identifier, own.definition.table));
  return {};
}

bool IsDamage(const Error& error) {
  return error.kind == ErrorKind::kCorruption || error.kind == ErrorKind::kIo;
}

bool IsAmong(const std::vector<iceberg::TableIdentifier>& tables,
             const iceberg::TableIdentifier& table) {
  return std::find(tables.begin(), tables.end(), table) != tables.end();
}

}  // namespace

Status CheckNotLost(Warehouse& warehouse, const iceberg::TableIdentifier& identifier) {
  auto loaded = warehouse.catalog().LoadTable(identifier);
  if (loaded || loaded.error().kind != ErrorKind::kNotFound) return {};
  const std::string location = warehouse.catalog().DefaultTableLocation(identifier);
  const std::string newest = NewestCommittedMetadata(warehouse, location);
  if (newest.empty()) return {};
  return MakeError(ErrorKind::kCorruption,
                   "the catalog of warehouse " + warehouse.directory() + " has no table " +
                       identifier.ToString() + ", but " + newest + " is metadata of one; restore " +
                       warehouse.catalog().DisplayName() +
                       " from a backup, register that "
                       "file as the table (PyIceberg: catalog.register_table), or, if the table "
                       "was dropped on purpose, remove the directory " +
                       location);
}

Result<std::vector<std::string>> CreateTables(Warehouse& warehouse,
                                              const std::vector<iceberg::TableIdentifier>& needed) {
  const Namespaces& namespaces = warehouse.namespaces();
  std::vector<OwnTable> tables = OwnTables(namespaces);
  std::vector<std::string> warnings;
  const auto for_all = [&](Status (*step)(Warehouse&, const OwnTable&)) -> Status {
    for (auto own = tables.begin(); own != tables.end();) {
      Status done = step(warehouse, *own);
      if (done) {
        ++own;
        continue;
      }
      const bool is_needed =
          own->identifier == BronzeEvents(namespaces) || IsAmong(needed, own->identifier);
      if (is_needed || !IsDamage(done.error())) return done;
      warnings.push_back(done.error().message +
                         "; only what needs this table is kept back (octolake doctor looks for "
                         "damage and says how to mend it)");
      own = tables.erase(own);
    }
    return {};
  };
  // Before anything is created beside what a newer octolake made.
  OCTO_TRY(for_all(Upgrade));
  OCTO_TRY(for_all(Create));
  return warnings;
}

Status UpgradeTables(Warehouse& warehouse, const std::vector<iceberg::TableIdentifier>& tables) {
  for (const OwnTable& own : OwnTables(warehouse.namespaces())) {
    if (IsAmong(tables, own.identifier)) OCTO_TRY(Upgrade(warehouse, own));
  }
  return {};
}

}  // namespace octolake::lake
