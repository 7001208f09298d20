#include "lake/table_version.h"

#include <utility>

#include "base/string_util.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"

namespace octolake::lake {
namespace {

Result<int32_t> VersionIn(const iceberg::TableIdentifier& table,
                          const iceberg::Properties& properties) {
  const auto found = properties.find(kDefinitionVersionProperty);
  if (found == properties.end()) return 1;
  const std::string& text = found->second;
  const std::optional<int32_t> version = ParseNumber<int32_t>(text);
  if (version.value_or(-1) >= 0) return *version;
  return MakeError(ErrorKind::kCorruption,
                   "table " + table.ToString() + ": property " + kDefinitionVersionProperty +
                       " should be a number, found '" + text +
                       "'; set it to the version of the octolake that made the table");
}

// Whether the table is of an older version.
Result<bool> IsOlder(const iceberg::TableIdentifier& table, const iceberg::TableMetadata& metadata,
                     const iceberg::Properties& definition) {
  OCTO_ASSIGN(const int32_t theirs, VersionIn(table, metadata.properties));
  OCTO_ASSIGN(const int32_t ours, VersionIn(table, definition));
  if (theirs <= ours) return theirs < ours;
  return MakeError(ErrorKind::kUnsupported,
                   "table " + table.ToString() + " was written by a newer octolake (version " +
                       std::to_string(theirs) + " of its tables; this program knows up to " +
                       std::to_string(ours) +
                       ") and can only be read: upgrade octolake to write to it");
}

class UpgradeTableUpdate final : public iceberg::TableUpdate {
 public:
  UpgradeTableUpdate(iceberg::TableIdentifier table, const TableDefinition& definition,
                     bool rows_are_replaced)
      : table_(std::move(table)),
        definition_(definition.table),
        rows_are_replaced_(rows_are_replaced),
        evolve_(iceberg::EvolveSchema({.wanted = definition.table.schema,
                                       .former_names = definition.former_names,
                                       .rows_are_replaced = rows_are_replaced})) {}

  // The version is looked at here, in each attempt: a newer octolake may have come first.
  Status Apply(const iceberg::UpdateContext& context, iceberg::TableMetadata& metadata) override {
    OCTO_ASSIGN(const bool older, IsOlder(table_, metadata, definition_.properties));
    if (!older && !rows_are_replaced_) return {};
    OCTO_TRY(evolve_->Apply(context, metadata));
    const auto version = definition_.properties.find(kDefinitionVersionProperty);
    if (version != definition_.properties.end()) {
      metadata.properties[kDefinitionVersionProperty] = version->second;
    }
    return {};
  }

  std::vector<std::string> Unused(const iceberg::TableMetadata* /*committed*/) const override {
    return {};
  }

 private:
  const iceberg::TableIdentifier table_;
  const iceberg::NewTable definition_;
  const bool rows_are_replaced_;
  const std::unique_ptr<iceberg::TableUpdate> evolve_;
};

}  // namespace

Status CheckVersion(const iceberg::Table& table) {
  OCTO_TRY(IsOlder(table.identifier, *table.metadata, CommonTableProperties()));
  return {};
}

Result<iceberg::Table> LoadForWriting(Warehouse& warehouse, const iceberg::TableIdentifier& table) {
  OCTO_ASSIGN(iceberg::Table loaded, warehouse.catalog().LoadTable(table));
  OCTO_TRY(warehouse.CheckOwn(loaded));
  OCTO_TRY(CheckVersion(loaded));
  return loaded;
}

std::unique_ptr<iceberg::TableUpdate> UpgradeTable(const iceberg::TableIdentifier& table,
                                                   const TableDefinition& definition,
                                                   bool rows_are_replaced) {
  return std::make_unique<UpgradeTableUpdate>(table, definition, rows_are_replaced);
}

Result<iceberg::Table> OpenForWriting(Warehouse& warehouse, iceberg::Table table,
                                      const TableDefinition& definition) {
  const iceberg::TableIdentifier id = table.identifier;
  OCTO_TRY(warehouse.CheckOwn(table));
  OCTO_ASSIGN(const bool older, IsOlder(id, *table.metadata, definition.table.properties));
  if (!older) return table;
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(id, UpgradeTable(id, definition));
  auto upgraded = transaction.Commit();
  if (!upgraded) {
    return WithContext(std::move(upgraded).error(), "cannot upgrade table " + id.ToString());
  }
  return std::move(upgraded->front());
}

}  // namespace octolake::lake
