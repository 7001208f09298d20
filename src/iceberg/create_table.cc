#include <utility>

#include "base/uuid.h"
#include "iceberg/transaction.h"

namespace octolake::iceberg {
namespace {

constexpr int64_t kMicrosPerMilli = 1000;

Status EnsureNamespace(Catalog& catalog, const std::string& name_space) {
  Status created = catalog.CreateNamespace(name_space, {});
  if (!created && created.error().kind == ErrorKind::kAlreadyExists) return {};
  return created;
}

}  // namespace

Result<Table> CreateTableIfMissing(Catalog& catalog, const UpdateContext& context,
                                   const TableIdentifier& identifier, NewTable table) {
  auto loaded = catalog.LoadTable(identifier);
  if (loaded || loaded.error().kind != ErrorKind::kNotFound) return loaded;

  OCTO_TRY(EnsureNamespace(catalog, identifier.name_space));
  if (table.location.empty()) table.location = catalog.DefaultTableLocation(identifier);
  const std::string uuid = Uuid::RandomV4(context.random).ToString();
  auto metadata = MakeTableMetadata(table, uuid, context.clock.Now() / kMicrosPerMilli);
  if (!metadata) {
    return WithContext(std::move(metadata).error(), "new table " + identifier.ToString());
  }
  std::vector<TableChange> changes;
  changes.push_back(
      {.identifier = identifier, .base = std::nullopt, .metadata = *std::move(metadata)});
  auto created = catalog.CommitTables(std::move(changes));
  if (created) return std::move(created->front());
  switch (created.error().kind) {
    case ErrorKind::kCommitConflict:
      // Another process created it in the meantime.
      return catalog.LoadTable(identifier);
    case ErrorKind::kCommitStateUnknown:
      // Whoever created it, if it can be loaded now it is there.
      loaded = catalog.LoadTable(identifier);
      if (loaded) return loaded;
      break;
    default:
      break;
  }
  return tl::unexpected<Error>(std::move(created).error());
}

}  // namespace octolake::iceberg
