#include "lake/warehouse.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "iceberg/catalog_decorator.h"
#include "iceberg/sql_catalog.h"
#include "io/local_file_system.h"
#include "io/local_output_file.h"
#include "io/store_file_system.h"
#include "io/write_record.h"
#include "lake/copied_warehouse.h"

namespace octolake::lake {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> CannotUse(const std::string& directory, const std::string& what) {
  return MakeError(ErrorKind::kIo, "warehouse " + directory + ": " + what);
}

// An absolute path without a trailing slash.
Result<std::string> AbsoluteDirectory(const std::string& directory) {
  if (directory.empty()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "the warehouse needs a directory, none was given");
  }
  if (directory.find("://") != std::string::npos) {
    return MakeError(ErrorKind::kUnsupported, "warehouse " + directory +
                                                  ": give the path of a local directory, or "
                                                  "s3://BUCKET/PREFIX");
  }
  std::error_code error;
  const fs::path absolute = fs::absolute(directory, error);
  if (error) return CannotUse(directory, error.message());
  std::string text = absolute.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// Creates the directory and what is missing above it; every new name is synced.
Status CreateDurably(const fs::path& directory) {
  const fs::path parent = directory.parent_path();
  std::error_code error;
  if (!fs::exists(parent, error)) OCTO_TRY(CreateDurably(parent));
  fs::create_directory(directory, error);
  if (error) return CannotUse(directory.string(), "cannot be created: " + error.message());
  return io::SyncDirectory(parent.string());
}

Status PrepareDirectory(const std::string& directory, bool create) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (fs::is_directory(status)) return {};
  if (fs::exists(status)) return CannotUse(directory, "is not a directory");
  if (status.type() != fs::file_type::not_found) return CannotUse(directory, error.message());
  if (!create) {
    return MakeError(ErrorKind::kNotFound, "there is no warehouse at " + directory +
                                               "; load events first, or give its directory");
  }
  return CreateDurably(directory);
}

// s3://BUCKET/PREFIX without a slash at its end.
Result<std::string> S3Warehouse(const WarehouseOptions& options) {
  std::string location = io::CanonicalS3Location(options.directory);
  while (location.ends_with('/')) location.pop_back();
  if (options.catalog_uri.empty()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "warehouse " + location +
                         ": a SQLite file cannot be on S3; give the catalog a PostgreSQL database "
                         "with catalog.uri");
  }
  Status usable = io::CheckS3Bucket(options.s3, location);
  if (!usable) return WithContext(std::move(usable).error(), "warehouse " + location);
  return location;
}

// Completes what is given of places, and makes local directories.
Status PreparePlaces(WarehouseOptions& options) {
  const bool on_s3 = io::IsS3Location(options.directory);
  const bool create = options.create_if_missing;
  if (on_s3) {
    OCTO_ASSIGN(options.directory, S3Warehouse(options));
    if (options.state_directory.empty()) options.state_directory = kDefaultStateDirectory;
  } else {
    OCTO_ASSIGN(options.directory, AbsoluteDirectory(options.directory));
    OCTO_TRY(PrepareDirectory(options.directory, create));
  }
  if (options.state_directory.empty()) return {};
  OCTO_ASSIGN(options.state_directory, AbsoluteDirectory(options.state_directory));
  return PrepareDirectory(options.state_directory, /*create=*/true);
}

Result<std::unique_ptr<io::FileSystem>> MakeFiles(const WarehouseOptions& options) {
  auto local = io::MakeLocalFileSystem();
  if (!io::IsS3Location(options.directory)) return local;
  OCTO_ASSIGN(auto s3, io::MakeS3FileSystem(options.s3));
  return io::MakeStoreFileSystem(std::move(local), std::move(s3));
}

// Keeps the record of a process that does not know whether its files were committed, and commits
// nothing to tables of another warehouse.
class RecordedCatalog final : public iceberg::CatalogDecorator {
 public:
  // `own_directory`: the warehouse that has the catalog's file; empty if it is not a file.
  RecordedCatalog(std::unique_ptr<iceberg::Catalog> catalog,
                  std::shared_ptr<io::WriteRecord> record, std::string own_directory)
      : CatalogDecorator(std::move(catalog)),
        record_(std::move(record)),
        own_directory_(std::move(own_directory)) {}

  Result<std::vector<iceberg::Table>> CommitTables(
      std::vector<iceberg::TableChange> changes) override {
    for (const iceberg::TableChange& change : changes) {
      if (own_directory_.empty() || !change.base) continue;
      OCTO_TRY(RefuseCopy(own_directory_, *change.base, DefaultTableLocation(change.identifier)));
    }
    auto committed = inner().CommitTables(std::move(changes));
    if (!committed && committed.error().kind == ErrorKind::kCommitStateUnknown) record_->Keep();
    return committed;
  }

 private:
  const std::shared_ptr<io::WriteRecord> record_;
  const std::string own_directory_;
};

}  // namespace

Result<std::unique_ptr<Warehouse>> Warehouse::Open(const WarehouseOptions& options,
                                                   const Clock& clock, RandomSource& random) {
  return OpenOn({}, options, clock, random);
}

Result<std::unique_ptr<Warehouse>> Warehouse::OpenOn(WarehouseParts parts,
                                                     const WarehouseOptions& options,
                                                     const Clock& clock, RandomSource& random) {
  WarehouseOptions own = options;
  OCTO_TRY(PreparePlaces(own));
  auto warehouse = Assemble(own, nullptr, nullptr, clock, random);
  const auto record = std::make_shared<io::WriteRecord>(warehouse->write_records_directory(),
                                                        warehouse->record_owner(), random);
  if (!parts.file_system) {
    OCTO_ASSIGN(parts.file_system, MakeFiles(own));
  }
  warehouse->file_system_ = io::MakeRecordedFileSystem(std::move(parts.file_system), record);

  iceberg::SqlCatalogOptions catalog;
  catalog.database_path = own.directory + "/catalog.db";
  catalog.database_uri = own.catalog_uri;
  catalog.database_password = own.catalog_password;
  catalog.catalog_name = own.catalog_name;
  catalog.warehouse_location = warehouse->location();
  catalog.create_if_missing = options.create_if_missing;
  catalog.busy_timeout_ms = options.catalog_busy_timeout_ms;
  auto opened = iceberg::OpenSqlCatalog(catalog, *warehouse->file_system_, clock, random);
  if (!opened) return WithContext(std::move(opened).error(), "warehouse " + own.directory);
  if (parts.wrap_catalog) opened = parts.wrap_catalog(std::move(opened).value());
  warehouse->catalog_ = std::make_unique<RecordedCatalog>(
      std::move(opened).value(), record, warehouse->has_catalog_file() ? own.directory : "");
  return warehouse;
}

std::string Warehouse::record_owner() const {
  return catalog_uri_.empty() ? catalog_name_ : catalog_name_ + " at " + catalog_uri_;
}

std::unique_ptr<Warehouse> Warehouse::Assemble(WarehouseOptions options,
                                               std::unique_ptr<io::FileSystem> file_system,
                                               std::unique_ptr<iceberg::Catalog> catalog,
                                               const Clock& clock, RandomSource& random) {
  std::unique_ptr<Warehouse> warehouse(new Warehouse(clock, random));
  if (io::IsS3Location(options.directory)) warehouse->s3_ = std::move(options.s3);
  warehouse->state_directory_ =
      options.state_directory.empty() ? options.directory : std::move(options.state_directory);
  warehouse->directory_ = std::move(options.directory);
  warehouse->catalog_uri_ = std::move(options.catalog_uri);
  warehouse->catalog_name_ = std::move(options.catalog_name);
  warehouse->namespaces_ = std::move(options.namespaces);
  warehouse->file_system_ = std::move(file_system);
  warehouse->catalog_ = std::move(catalog);
  return warehouse;
}

Status Warehouse::CheckOwn(const iceberg::Table& table) const {
  if (!has_catalog_file()) return {};
  return RefuseCopy(directory_, table, catalog_->DefaultTableLocation(table.identifier));
}

std::string Warehouse::location() const {
  return is_local() ? io::FileLocation(directory_) : directory_;
}

}  // namespace octolake::lake
