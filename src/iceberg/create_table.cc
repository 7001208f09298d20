#include <utility>

#include "base/civil_time.h"
#include "base/uuid.h"
#include "iceberg/transaction.h"

namespace octolake::iceberg {
namespace {

// A creation whose reply was lost, and which then is not there, is asked for again this often in
// all: should an earlier one take effect after all, the later one loses to it.
constexpr int kCreateAttempts = 3;

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
  for (int attempt = 1;; ++attempt) {
    auto created = catalog.CommitTables(
        {{.identifier = identifier, .base = std::nullopt, .metadata = *metadata}});
    if (created) return std::move(created->front());
    const ErrorKind kind = created.error().kind;
    if (kind != ErrorKind::kCommitConflict && kind != ErrorKind::kCommitStateUnknown) {
      return tl::unexpected<Error>(std::move(created).error());
    }
    // Whoever created it, if it can be loaded now it is there.
    loaded = catalog.LoadTable(identifier);
    const bool missing = !loaded && loaded.error().kind == ErrorKind::kNotFound;
    if (loaded || (kind == ErrorKind::kCommitConflict && !missing)) return loaded;
    // What is in the way and cannot be loaded is a view.
    if (kind == ErrorKind::kCommitConflict || !missing || attempt == kCreateAttempts) {
      return tl::unexpected<Error>(std::move(created).error());
    }
  }
}

}  // namespace octolake::iceberg
