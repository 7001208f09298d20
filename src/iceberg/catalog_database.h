// The tables of a SQL catalog, in whatever database (catalog_connection.h): schema version 1 of
// Iceberg's Java JdbcCatalog, also found without the column iceberg_type (version 0), which then
// stays away. For the .cc files of this room only.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/catalog_connection.h"

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
  // Makes the tables if they are missing and `create` says so; else kNotFound.
  static Result<std::unique_ptr<CatalogDatabase>> Open(
      std::unique_ptr<CatalogConnection> connection, const std::string& catalog_name, bool create);

  const std::string& name() const { return connection_->name(); }  // of the database
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
  Status SwapAll(std::vector<PointerSwap> swaps);
  Status DropTable(const TableIdentifier& table);
  Status AwaitCommits();

 private:
  CatalogDatabase(std::unique_ptr<CatalogConnection> connection, std::string catalog_name)
      : connection_(std::move(connection)), catalog_name_(std::move(catalog_name)) {}

  Status CreateMissingTables(bool create);
  Result<bool> HasBothTables();
  Result<bool> HasTypeColumn();
  // A condition for rows that are tables, to be put behind others; views have another type.
  Result<std::string> TablesOnly();
  Result<bool> NamespaceExists(const std::string& name_space);
  Result<std::optional<std::string>> FindPointer(const TableIdentifier& table);
  Status InsertNamespace(const std::string& name_space, const Properties& properties);
  Status Create(const PointerSwap& swap);
  Status Update(const PointerSwap& swap);

  std::mutex mutex_;
  std::unique_ptr<CatalogConnection> connection_;
  std::string catalog_name_;
};

}  // namespace octolake::iceberg
