// A catalog in a SQLite file or a PostgreSQL database, in schema version 1 of Iceberg's Java
// JdbcCatalog (tables iceberg_tables with iceberg_type, iceberg_namespace_properties), which
// PyIceberg's SqlCatalog opens as well; version 0 (no iceberg_type) is used as it is found. Views
// of others are left alone. Metadata files are written and synced before the transaction that names
// them; a transaction over several tables takes effect in all or none. What is locked by others for
// longer than busy_timeout_ms gives kTransient.
//
// SQLite: every commit is one IMMEDIATE transaction with synchronous=EXTRA (FULL, and the
// directory). A file that is no SQLite database is kCorruption.
//
// PostgreSQL: a connection that was lost is made anew; a server that is away is waited for as long
// as for a lock. A transaction that was given up before its COMMIT (connection lost, deadlock) is
// run again; a COMMIT without an answer is kCommitStateUnknown, since it may still take effect.
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
  std::string database_path;           // local path of the SQLite file
  std::string database_uri = {};       // or postgresql://USER@HOST:PORT/DATABASE
  std::string database_password = {};  // empty: what libpq finds (PGPASSWORD, ~/.pgpass)
  std::string catalog_name;            // value of column catalog_name, "demo" by default elsewhere
  std::string warehouse_location;      // tables are created below <warehouse>/<namespace>/<table>
  bool create_if_missing = true;       // else kNotFound
  int64_t busy_timeout_ms = 30'000;
};

// The file system, clock and random source must outlive the catalog.
Result<std::unique_ptr<Catalog>> OpenSqlCatalog(const SqlCatalogOptions& options,
                                                io::FileSystem& file_system, const Clock& clock,
                                                RandomSource& random);

}  // namespace octolake::iceberg
