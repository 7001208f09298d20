// A catalog in one SQLite file, in schema version 1 of Iceberg's Java JdbcCatalog (tables
// iceberg_tables with iceberg_type, iceberg_namespace_properties), which PyIceberg's SqlCatalog
// opens as well; version 0 (no iceberg_type) is used as it is found. Views of others are left
// alone. Every commit is one IMMEDIATE transaction with synchronous=EXTRA (FULL, and the
// directory); metadata files are written and synced before it. What is locked by others for longer
// than busy_timeout_ms gives kTransient; a file that is no SQLite database kCorruption.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "iceberg/catalog.h"
#include "io/file_system.h"

namespace octolake::iceberg {

struct SqlCatalogOptions {
  std::string database_path;       // local path of the SQLite file
  std::string catalog_name;        // value of column catalog_name, "demo" by default elsewhere
  std::string warehouse_location;  // tables are created below <warehouse>/<namespace>/<table>
  bool create_if_missing = true;   // else kNotFound
  int64_t busy_timeout_ms = 30'000;
};

// The file system, clock and random source must outlive the catalog.
Result<std::unique_ptr<Catalog>> OpenSqlCatalog(const SqlCatalogOptions& options,
                                                io::FileSystem& file_system, const Clock& clock,
                                                RandomSource& random);

}  // namespace octolake::iceberg
