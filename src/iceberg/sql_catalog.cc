#include "iceberg/sql_catalog.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/civil_time.h"
#include "iceberg/catalog_database.h"
#include "iceberg/metadata_cache.h"
#include "iceberg/metadata_file.h"
#include "iceberg/table_metadata_check.h"

namespace octolake::iceberg {
namespace {

// A table can be committed to, and its old file removed, between the look at its pointer and the
// look at the file; this often in a row is no accident.
constexpr int kLoadAttempts = 5;

// A change with its file written.
struct Prepared {
  Table table;
  std::optional<std::string> base_location;
  std::vector<std::string> obsolete;  // metadata files that fell off the log
};

// Names become folders of the warehouse.
Status CheckPart(std::string_view part, const std::string& whole) {
  const bool control = std::any_of(part.begin(), part.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '/' || c == '\\';
  });
  if (!part.empty() && part != "." && part != ".." && !control) return {};
  return MakeError(ErrorKind::kInvalidArgument,
                   "'" + whole +
                       "' is no usable name: a level must not be empty, '.', '..', nor have "
                       "slashes or control characters");
}

Status CheckNamespace(const std::string& name_space) {
  std::string_view rest = name_space;
  while (true) {
    const size_t dot = rest.find('.');
    OCTO_TRY(CheckPart(rest.substr(0, dot), name_space));
    if (dot == std::string_view::npos) return {};
    rest.remove_prefix(dot + 1);
  }
}

Status CheckChanges(const std::vector<TableChange>& changes) {
  std::set<TableIdentifier> seen;
  for (const TableChange& change : changes) {
    const std::string name = change.identifier.ToString();
    OCTO_TRY(CheckNamespace(change.identifier.name_space));
    OCTO_TRY(CheckPart(change.identifier.name, name));
    if (!seen.insert(change.identifier).second) {
      return MakeError(ErrorKind::kInvalidArgument, "table " + name + " is changed twice at once");
    }
    if (change.base && change.base->metadata->table_uuid != change.metadata.table_uuid) {
      return MakeError(ErrorKind::kInvalidArgument, "table " + name +
                                                        ": a change must keep the table's UUID " +
                                                        change.base->metadata->table_uuid +
                                                        ", found " + change.metadata.table_uuid);
    }
  }
  return {};
}

// With `escape` before each of the characters.
std::string Escaped(std::string_view text, std::string_view characters, std::string_view escape) {
  std::string escaped;
  for (const char c : text) {
    if (characters.find(c) != std::string_view::npos) escaped += escape;
    escaped += c;
  }
  return escaped;
}

std::string SqlText(std::string_view text) { return "'" + Escaped(text, "'", "'") + "'"; }

// As one word of a shell's command. Statements, which have many ', are for people to read.
std::string ShellWord(std::string_view text) { return "'" + Escaped(text, "'", "'\\'") + "'"; }
std::string ShellStatement(std::string_view sql) {
  return '"' + Escaped(sql, "\"\\$`", "\\") + '"';
}

class SqlCatalog final : public Catalog {
 public:
  SqlCatalog(std::unique_ptr<CatalogDatabase> database, SqlCatalogOptions options,
             io::FileSystem& file_system, const Clock& clock, RandomSource& random)
      : database_(std::move(database)),
        options_(std::move(options)),
        file_system_(file_system),
        clock_(clock),
        random_(random) {}

  Status CreateNamespace(const std::string& name_space, const Properties& properties) override {
    OCTO_TRY(CheckNamespace(name_space));
    return database_->CreateNamespace(name_space, properties);
  }
  Result<std::vector<std::string>> ListNamespaces() override { return database_->ListNamespaces(); }
  Result<std::vector<TableIdentifier>> ListTables(const std::string& name_space) override {
    return database_->ListTables(name_space);
  }
  std::string DisplayName() const override { return database_->name(); }
  std::string RepairCommand(const TableIdentifier& identifier,
                            const std::string& location) const override;
  std::string DefaultTableLocation(const TableIdentifier& identifier) const override;
  Result<Table> LoadTable(const TableIdentifier& identifier) override;
  Result<std::vector<Table>> CommitTables(std::vector<TableChange> changes) override;
  Result<std::vector<std::string>> MetadataOfOtherCatalogs() override {
    return database_->MetadataOfOtherCatalogs();
  }
  Status DropTable(const TableIdentifier& identifier) override {
    return database_->DropTable(identifier);
  }
  Status AwaitCommits() override { return database_->AwaitCommits(); }

 private:
  Status CheckOwner(const TableIdentifier& identifier, const std::string& location,
                    const TableMetadata& metadata);
  Result<Prepared> Prepare(TableChange change);
  void Remove(const std::vector<std::string>& locations);

  std::unique_ptr<CatalogDatabase> database_;
  SqlCatalogOptions options_;
  io::FileSystem& file_system_;
  const Clock& clock_;
  RandomSource& random_;
  MetadataCache cache_;
};

std::string SqlCatalog::DefaultTableLocation(const TableIdentifier& identifier) const {
  std::string folder = identifier.name_space;
  std::replace(folder.begin(), folder.end(), '.', '/');
  return options_.warehouse_location + "/" + folder + "/" + identifier.name;
}

std::string SqlCatalog::RepairCommand(const TableIdentifier& identifier,
                                      const std::string& location) const {
  const std::string statement =
      "UPDATE iceberg_tables SET metadata_location = " + SqlText(location) +
      " WHERE catalog_name = " + SqlText(options_.catalog_name) +
      " AND table_namespace = " + SqlText(identifier.name_space) +
      " AND table_name = " + SqlText(identifier.name);
  const std::string program = options_.database_uri.empty()
                                  ? "sqlite3 " + ShellWord(options_.database_path) + " "
                                  : "psql " + ShellWord(options_.database_uri) + " -c ";
  return program + ShellStatement(statement);
}

Result<Table> SqlCatalog::LoadTable(const TableIdentifier& identifier) {
  std::string missing;
  for (int attempt = 0; attempt < kLoadAttempts; ++attempt) {
    OCTO_ASSIGN(const std::string location, database_->MetadataLocation(identifier));
    if (location == missing) break;
    if (auto known = cache_.Find(file_system_, identifier, location)) {
      return Table{identifier, location, std::move(known)};
    }
    auto metadata = ReadMetadataFile(file_system_, location);
    if (metadata) {
      OCTO_TRY(CheckOwner(identifier, location, *metadata));
      Table table{.identifier = identifier,
                  .metadata_location = location,
                  .metadata = std::make_shared<const TableMetadata>(*std::move(metadata))};
      cache_.Put(file_system_, table);
      return table;
    }
    if (metadata.error().kind != ErrorKind::kNotFound) {
      return WithContext(std::move(metadata).error(), "table " + identifier.ToString());
    }
    missing = location;
  }
  return MakeError(ErrorKind::kCorruption,
                   "table " + identifier.ToString() + ": the catalog " + database_->name() +
                       " names the metadata file " + missing +
                       ", which is not there; was the warehouse moved, or restored in part?");
}

// A row that was altered can lead to the metadata of another table, which is there all right.
Status SqlCatalog::CheckOwner(const TableIdentifier& identifier, const std::string& location,
                              const TableMetadata& metadata) {
  if (metadata.location == DefaultTableLocation(identifier)) return {};
  OCTO_ASSIGN(const auto other, database_->OtherAt(identifier, location));
  if (!other) return {};
  return MakeError(ErrorKind::kCorruption,
                   "table " + identifier.ToString() + ": its row in the catalog " +
                       database_->name() + " names the metadata file " + location +
                       ", as does that of " + other->ToString() +
                       "; restore the catalog from a backup, or drop the wrong one");
}

// Completes the metadata and writes it to its new file, durably.
Result<Prepared> SqlCatalog::Prepare(TableChange change) {
  Prepared prepared;
  TableMetadata& metadata = change.metadata;
  const std::string what = "table " + change.identifier.ToString();
  // Clocks jump back; what readers order by must not.
  metadata.last_updated_ms = std::max(metadata.last_updated_ms, clock_.Now() / kMicrosPerMilli);
  if (change.base) {
    const TableMetadata& base = *change.base->metadata;
    metadata.last_updated_ms = std::max(metadata.last_updated_ms, base.last_updated_ms);
    prepared.base_location = change.base->metadata_location;
    auto obsolete = ExtendMetadataLog(
        metadata, {.timestamp_ms = base.last_updated_ms, .metadata_file = *prepared.base_location});
    if (!obsolete) return WithContext(std::move(obsolete).error(), what);
    prepared.obsolete = *std::move(obsolete);
  }
  if (const Status checked = CheckTableMetadata(metadata); !checked) {
    return MakeError(ErrorKind::kInvalidArgument,
                     what + ": refusing to commit bad metadata: " + checked.error().message);
  }
  const std::string location =
      NextMetadataLocation(metadata, prepared.base_location.value_or(""), random_);
  if (auto written = WriteMetadataFile(file_system_, location, metadata); !written) {
    if (written.error().kind != ErrorKind::kAlreadyExists) Remove({location});
    return WithContext(std::move(written).error(), what);
  }
  prepared.table = {.identifier = std::move(change.identifier),
                    .metadata_location = location,
                    .metadata = std::make_shared<const TableMetadata>(std::move(metadata))};
  return prepared;
}

Result<std::vector<Table>> SqlCatalog::CommitTables(std::vector<TableChange> changes) {
  OCTO_TRY(CheckChanges(changes));
  std::vector<Table> tables;
  std::vector<PointerSwap> swaps;
  std::vector<std::string> written;
  std::vector<std::string> obsolete;
  for (TableChange& change : changes) {
    auto prepared = Prepare(std::move(change));
    if (!prepared) {
      Remove(written);
      return tl::unexpected<Error>(std::move(prepared).error());
    }
    written.push_back(prepared->table.metadata_location);
    swaps.push_back({.table = prepared->table.identifier,
                     .from = prepared->base_location,
                     .to = prepared->table.metadata_location});
    if (DeletesOldMetadata(*prepared->table.metadata)) {
      obsolete.insert(obsolete.end(), prepared->obsolete.begin(), prepared->obsolete.end());
    }
    tables.push_back(std::move(prepared->table));
  }
  if (auto swapped = database_->SwapAll(swaps); !swapped) {
    if (swapped.error().kind != ErrorKind::kCommitStateUnknown) Remove(written);
    return tl::unexpected<Error>(std::move(swapped).error());
  }
  Remove(obsolete);
  for (const Table& table : tables) cache_.Put(file_system_, table);
  return tables;
}

// What stays because its removal failed is named by nothing, and falls to the removal of orphans;
// the outcome of the commit does not depend on it.
void SqlCatalog::Remove(const std::vector<std::string>& locations) {
  for (const std::string& location : locations) (void)file_system_.Remove(location);
}

}  // namespace

Result<std::unique_ptr<Catalog>> OpenSqlCatalog(const SqlCatalogOptions& options,
                                                io::FileSystem& file_system, const Clock& clock,
                                                RandomSource& random) {
  if (options.catalog_name.empty()) {
    return MakeError(ErrorKind::kInvalidArgument, "the catalog needs a name, for example demo");
  }
  auto connection = options.database_uri.empty()
                        ? OpenSqliteCatalog(options.database_path, options.create_if_missing,
                                            options.busy_timeout_ms)
                        : OpenPostgresCatalog(options.database_uri, options.database_password,
                                              options.busy_timeout_ms);
  if (!connection) return tl::unexpected<Error>(std::move(connection).error());
  OCTO_ASSIGN(auto database, CatalogDatabase::Open(*std::move(connection), options.catalog_name,
                                                   options.create_if_missing));
  SqlCatalogOptions own = options;
  while (own.warehouse_location.ends_with('/')) own.warehouse_location.pop_back();
  return std::make_unique<SqlCatalog>(std::move(database), std::move(own), file_system, clock,
                                      random);
}

}  // namespace octolake::iceberg
