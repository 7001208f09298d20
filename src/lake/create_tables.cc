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

// What was received is nowhere else: an empty table in the place of one whose row in the catalog
// was lost would make it look as if it had never been there.
Status RefuseToReplace(Warehouse& warehouse, const iceberg::TableIdentifier& identifier) {
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

}  // namespace

Status CreateTables(Warehouse& warehouse) {
  const Namespaces& namespaces = warehouse.namespaces();
  const std::vector<OwnTable> tables = OwnTables(namespaces);
  // Before anything is created beside what a newer octolake made.
  for (const OwnTable& own : tables) OCTO_TRY(Upgrade(warehouse, own));
  for (const OwnTable& own : tables) {
    if (own.identifier.name_space == namespaces.bronze) {
      OCTO_TRY(RefuseToReplace(warehouse, own.identifier));
    }
    OCTO_TRY(iceberg::CreateTableIfMissing(warehouse.catalog(), warehouse.update_context(),
                                           own.identifier, own.definition.table));
  }
  return {};
}

Status UpgradeTables(Warehouse& warehouse, const std::vector<iceberg::TableIdentifier>& tables) {
  for (const OwnTable& own : OwnTables(warehouse.namespaces())) {
    const bool wanted = std::find(tables.begin(), tables.end(), own.identifier) != tables.end();
    if (wanted) OCTO_TRY(Upgrade(warehouse, own));
  }
  return {};
}

}  // namespace octolake::lake
