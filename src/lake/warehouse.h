// A warehouse: the tables octolake keeps, and their catalog, in one directory or on S3.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/update.h"
#include "io/file_system.h"
#include "io/s3_file_system.h"

namespace octolake::lake {

struct Namespaces {
  std::string bronze = "bronze";
  std::string silver = "silver";
  std::string gold = "gold";
  std::string test_failures = "test_failures";
};

struct WarehouseOptions {
  // Local, relative paths are taken from the working directory; or s3://BUCKET[/PREFIX].
  std::string directory;
  // What a process keeps beside the tables (journal, records of writes, space to spill): local.
  // Empty: the warehouse's directory, or kDefaultStateDirectory for a warehouse on S3.
  std::string state_directory;
  io::S3Settings s3;  // of a warehouse on S3
  std::string catalog_name = "demo";
  // PostgreSQL's (iceberg/sql_catalog.h); empty: SQLite, <directory>/catalog.db. A warehouse on S3
  // must have one, else kInvalidArgument.
  std::string catalog_uri;
  std::string catalog_password;
  int64_t catalog_busy_timeout_ms = 30'000;  // iceberg/sql_catalog.h
  Namespaces namespaces;
  bool create_if_missing = true;  // false: kNotFound, naming the directory, if there is none
};

inline constexpr const char* kDefaultStateDirectory = "octolake-state";

// What fault tests put in the place of a warehouse's own parts; empty: its own.
struct WarehouseParts {
  std::unique_ptr<io::FileSystem> file_system;  // of local files all the same
  // Given the catalog, gives what the warehouse takes for it.
  std::function<std::unique_ptr<iceberg::Catalog>(std::unique_ptr<iceberg::Catalog>)> wrap_catalog;
};

// What every step works on. Thread-safe as far as its parts are. What it creates is recorded, so
// that leftovers.h can remove what a killed process leaves behind.
class Warehouse {
 public:
  // Clock and random source must outlive the warehouse. A missing directory is created, durably; a
  // bucket is not: kNotFound.
  static Result<std::unique_ptr<Warehouse>> Open(const WarehouseOptions& options,
                                                 const Clock& clock, RandomSource& random);
  static Result<std::unique_ptr<Warehouse>> OpenOn(WarehouseParts parts,
                                                   const WarehouseOptions& options,
                                                   const Clock& clock, RandomSource& random);
  // From parts made elsewhere (other catalogs). The directory must be absolute. What is created is
  // not recorded.
  static std::unique_ptr<Warehouse> Assemble(WarehouseOptions options,
                                             std::unique_ptr<io::FileSystem> file_system,
                                             std::unique_ptr<iceberg::Catalog> catalog,
                                             const Clock& clock, RandomSource& random);

  // As people name it: an absolute local path, or s3://BUCKET/PREFIX. No slash at the end.
  const std::string& directory() const { return directory_; }
  // The same as tables' locations have it: file:///PATH, or s3://BUCKET/PREFIX.
  std::string location() const;
  bool is_local() const { return !s3_; }
  const std::optional<io::S3Settings>& s3() const { return s3_; }
  // Local and absolute. The warehouse's directory, if that is local and nothing else is configured.
  const std::string& state_directory() const { return state_directory_; }
  std::string temp_directory() const { return state_directory_ + "/tmp"; }
  // Of the records of files being created (io/write_record.h, leftovers.h).
  std::string write_records_directory() const { return temp_directory() + "/writes"; }
  const std::string& catalog_name() const { return catalog_name_; }
  // Of the records of files being created: which catalog can tell whether they are named. Catalogs
  // of one name in two databases are two.
  std::string record_owner() const;
  const Namespaces& namespaces() const { return namespaces_; }
  io::FileSystem& file_system() { return *file_system_; }
  iceberg::Catalog& catalog() { return *catalog_; }
  const Clock& clock() const { return clock_; }
  RandomSource& random() { return random_; }
  // kInvalidArgument if the table is another warehouse's, of which this one is a copy: then nothing
  // may be written to it, nor removed from it.
  Status CheckOwn(const iceberg::Table& table) const;
  iceberg::UpdateContext update_context() { return {*file_system_, clock_, random_}; }

 private:
  Warehouse(const Clock& clock, RandomSource& random) : clock_(clock), random_(random) {}

  const Clock& clock_;
  RandomSource& random_;
  std::string directory_;
  std::string state_directory_;
  std::optional<io::S3Settings> s3_;
  std::string catalog_name_;
  std::string catalog_uri_;
  bool has_catalog_file() const { return is_local() && catalog_uri_.empty(); }
  Namespaces namespaces_;
  std::unique_ptr<io::FileSystem> file_system_;
  std::unique_ptr<iceberg::Catalog> catalog_;
};

}  // namespace octolake::lake
