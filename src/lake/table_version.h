// By which version of octolake's definitions a table was made (property
// octolake.definition-version; a table without it is of version 1), and the way from one version to
// the next.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/table_metadata.h"
#include "iceberg/update.h"
#include "lake/warehouse.h"

namespace octolake::lake {

inline constexpr char kDefinitionVersionProperty[] = "octolake.definition-version";

// A table's definition; its version stands in its properties.
struct TableDefinition {
  iceberg::NewTable table;
  std::map<std::string, std::string> former_names;  // as iceberg::SchemaEvolution has them
};

// kUnsupported, naming both versions, if a newer octolake has written to the table: this one does
// not know what it must keep to. Reading is always possible. kCorruption for a version that is no
// number. A table without a version, such as another program's, passes.
Status CheckVersion(const iceberg::Table& table);

// A table as it is now, for one who is about to change it or to remove files of it; fails as
// CheckVersion and Warehouse::CheckOwn do, too.
Result<iceberg::Table> LoadForWriting(Warehouse& warehouse, const iceberg::TableIdentifier& table);

inline constexpr bool kRowsAreReplaced = true;

// Gives a table of an older version the columns of the definition (iceberg::EvolveSchema), and its
// version; changes nothing in one of the same version, and fails as CheckVersion does for a newer
// one. `rows_are_replaced` as in iceberg::SchemaEvolution; columns are then changed whatever the
// version.
std::unique_ptr<iceberg::TableUpdate> UpgradeTable(const iceberg::TableIdentifier& table,
                                                   const TableDefinition& definition,
                                                   bool rows_are_replaced = false);

// The table as this version of octolake may write to it: upgraded in a commit of its own if it is
// of an older version. Its partition spec stays as it is, also where somebody changed it. Fails as
// CheckVersion and Warehouse::CheckOwn do, too.
Result<iceberg::Table> OpenForWriting(Warehouse& warehouse, iceberg::Table table,
                                      const TableDefinition& definition);

}  // namespace octolake::lake
