// The tables of a SQL catalog: schema version 1 of Iceberg's Java JdbcCatalog, also found without
// the column iceberg_type (version 0), which then stays away. For the .cc files of this room only.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "io/sqlite.h"

namespace octolake::iceberg {

// Where a table's pointer goes; without `from` the table is created.
struct PointerSwap {
  TableIdentifier table;
  std::optional<std::string> from;
  std::string to;
};

// Thread-safe: one connection, used by one thread at a time.
class CatalogDatabase {
 public:
  static Result<std::unique_ptr<CatalogDatabase>> Open(const std::string& path,
                                                       const std::string& catalog_name, bool create,
                                                       int64_t busy_timeout_ms);

  Status CreateNamespace(const std::string& name_space, const Properties& properties);
  Result<std::vector<std::string>> ListNamespaces();
  Result<std::vector<TableIdentifier>> ListTables(const std::string& name_space);

  Result<std::string> MetadataLocation(const TableIdentifier& table);  // kNotFound
  // Another table or view of the catalog with the same metadata file.
  Result<std::optional<TableIdentifier>> OtherAt(const TableIdentifier& table,
                                                 const std::string& location);
  // Of all rows of other catalogs, whatever they are.
  Result<std::vector<std::string>> MetadataOfOtherCatalogs();
  // Errors as Catalog::CommitTables.
  Status SwapAll(const std::vector<PointerSwap>& swaps);
  Status DropTable(const TableIdentifier& table);

 private:
  CatalogDatabase(std::unique_ptr<io::SqliteDatabase> database, std::string catalog_name)
      : database_(std::move(database)), catalog_name_(std::move(catalog_name)) {}

  Status CreateMissingTables(bool create);
  Result<bool> HasTable(const std::string& name);
  Result<bool> HasTypeColumn();
  // A condition for rows that are tables, to be put behind others; views have another type.
  Result<std::string> TablesOnly();
  Result<bool> NamespaceExists(const std::string& name_space);
  Result<std::optional<std::string>> FindPointer(const TableIdentifier& table);
  Status Create(const PointerSwap& swap);
  Status Update(const PointerSwap& swap);

  std::mutex mutex_;
  std::unique_ptr<io::SqliteDatabase> database_;
  std::string catalog_name_;
};

}  // namespace octolake::iceberg
