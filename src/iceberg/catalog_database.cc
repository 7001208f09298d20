#include "iceberg/catalog_database.h"

#include <algorithm>
#include <utility>

namespace octolake::iceberg {
namespace {

constexpr const char* kCreateTables =
    "CREATE TABLE IF NOT EXISTS iceberg_tables ("
    "catalog_name VARCHAR(255) NOT NULL, "
    "table_namespace VARCHAR(255) NOT NULL, "
    "table_name VARCHAR(255) NOT NULL, "
    "metadata_location VARCHAR(1000), "
    "previous_metadata_location VARCHAR(1000), "
    "iceberg_type VARCHAR(5), "
    "PRIMARY KEY (catalog_name, table_namespace, table_name))";

constexpr const char* kCreateProperties =
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties ("
    "catalog_name VARCHAR(255) NOT NULL, "
    "namespace VARCHAR(255) NOT NULL, "
    "property_key VARCHAR(255), "
    "property_value VARCHAR(1000), "
    "PRIMARY KEY (catalog_name, namespace, property_key))";

// In some databases a second creation at the same time fails, "if not exists" or not; that can
// happen once for each table, since others create them one by one.
constexpr int kCreateAttempts = 3;

// What a namespace has when it has nothing else; Java and PyIceberg write the same.
constexpr const char* kExistsKey = "exists";
constexpr const char* kExistsValue = "true";

tl::unexpected<Error> NoNamespace(const std::string& name_space) {
  return MakeError(ErrorKind::kNotFound,
                   "namespace '" + name_space + "' does not exist; create it first");
}

tl::unexpected<Error> NoTable(const TableIdentifier& table) {
  return MakeError(ErrorKind::kNotFound, "table " + table.ToString() + " does not exist");
}

}  // namespace

Result<std::unique_ptr<CatalogDatabase>> CatalogDatabase::Open(
    std::unique_ptr<CatalogConnection> connection, const std::string& catalog_name, bool create) {
  std::unique_ptr<CatalogDatabase> database(
      new CatalogDatabase(std::move(connection), catalog_name));
  OCTO_TRY(database->CreateMissingTables(create));
  return database;
}

Result<bool> CatalogDatabase::HasBothTables() {
  OCTO_ASSIGN(const bool has_tables, connection_->HasTable("iceberg_tables"));
  if (!has_tables) return false;
  return connection_->HasTable("iceberg_namespace_properties");
}

Status CatalogDatabase::CreateMissingTables(bool create) {
  OCTO_ASSIGN(const bool there, HasBothTables());
  if (there) return {};
  if (!create) {
    return MakeError(ErrorKind::kNotFound,
                     "catalog database " + name() +
                         " has no tables iceberg_tables and iceberg_namespace_properties; it is "
                         "no Iceberg catalog");
  }
  for (int attempt = 1;; ++attempt) {
    Status created = connection_->InTransaction([&]() -> Status {
      for (const char* sql : {kCreateTables, kCreateProperties}) {
        OCTO_TRY(connection_->Run(sql, {}));
      }
      return {};
    });
    const bool met_others = !created && created.error().kind == ErrorKind::kAlreadyExists;
    if (!met_others || attempt == kCreateAttempts) return created;
  }
}

// Asked each time: another program may add the column while this one runs.
Result<bool> CatalogDatabase::HasTypeColumn() {
  return connection_->HasColumn("iceberg_tables", "iceberg_type");
}

Result<std::string> CatalogDatabase::TablesOnly() {
  OCTO_ASSIGN(const bool typed, HasTypeColumn());
  // Rows from before the column was there have NULL, and are tables.
  return std::string(typed ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" : "");
}

Result<bool> CatalogDatabase::NamespaceExists(const std::string& name_space) {
  OCTO_ASSIGN(const SqlResult found,
              connection_->Run("SELECT 1 FROM iceberg_namespace_properties "
                               "WHERE catalog_name = ?1 AND namespace = ?2 UNION ALL "
                               "SELECT 1 FROM iceberg_tables "
                               "WHERE catalog_name = ?1 AND table_namespace = ?2",
                               {catalog_name_, name_space}));
  return !found.rows.empty();
}

Status CatalogDatabase::CreateNamespace(const std::string& name_space,
                                        const Properties& properties) {
  const std::lock_guard lock(mutex_);
  Properties all = properties;
  all.emplace(kExistsKey, kExistsValue);
  Status created =
      connection_->InTransaction([&]() -> Status { return InsertNamespace(name_space, all); });
  if (!created && created.error().kind == ErrorKind::kAlreadyExists) {
    return MakeError(ErrorKind::kAlreadyExists, "namespace '" + name_space + "' exists already");
  }
  return created;
}

// kAlreadyExists too if another comes first in between.
Status CatalogDatabase::InsertNamespace(const std::string& name_space,
                                        const Properties& properties) {
  OCTO_ASSIGN(const bool exists, NamespaceExists(name_space));
  if (exists) return MakeError(ErrorKind::kAlreadyExists, name_space);
  for (const auto& [key, value] : properties) {
    OCTO_TRY(connection_->Run(
        "INSERT INTO iceberg_namespace_properties "
        "(catalog_name, namespace, property_key, property_value) VALUES (?1, ?2, ?3, ?4)",
        {catalog_name_, name_space, key, value}));
  }
  return {};
}

// Sorted here: databases differ in the order of texts.
Result<std::vector<std::string>> CatalogDatabase::ListNamespaces() {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(const SqlResult found,
              connection_->Run("SELECT namespace FROM iceberg_namespace_properties "
                               "WHERE catalog_name = ?1 UNION "
                               "SELECT table_namespace FROM iceberg_tables "
                               "WHERE catalog_name = ?1",
                               {catalog_name_}));
  std::vector<std::string> names;
  for (const auto& row : found.rows) names.push_back(row[0].value_or(""));
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<TableIdentifier>> CatalogDatabase::ListTables(const std::string& name_space) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(const bool exists, NamespaceExists(name_space));
  if (!exists) return NoNamespace(name_space);
  OCTO_ASSIGN(const std::string tables_only, TablesOnly());
  OCTO_ASSIGN(const SqlResult found,
              connection_->Run("SELECT table_name FROM iceberg_tables WHERE catalog_name = ?1 "
                               "AND table_namespace = ?2" +
                                   tables_only,
                               {catalog_name_, name_space}));
  std::vector<TableIdentifier> tables;
  for (const auto& row : found.rows) tables.push_back({name_space, row[0].value_or("")});
  std::sort(tables.begin(), tables.end());
  return tables;
}

Result<std::optional<std::string>> CatalogDatabase::FindPointer(const TableIdentifier& table) {
  OCTO_ASSIGN(const std::string tables_only, TablesOnly());
  OCTO_ASSIGN(const SqlResult found,
              connection_->Run("SELECT metadata_location FROM iceberg_tables WHERE "
                               "catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3" +
                                   tables_only,
                               {catalog_name_, table.name_space, table.name}));
  if (found.rows.empty()) return std::optional<std::string>();
  std::optional<std::string> location = found.rows[0][0];
  if (!location || location->empty()) {
    return MakeError(ErrorKind::kCorruption, "table " + table.ToString() + " in catalog database " +
                                                 name() + " has no metadata_location");
  }
  return location;
}

Result<std::string> CatalogDatabase::MetadataLocation(const TableIdentifier& table) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(const auto location, FindPointer(table));
  if (!location) return NoTable(table);
  return *location;
}

Result<std::optional<TableIdentifier>> CatalogDatabase::OtherAt(const TableIdentifier& table,
                                                                const std::string& location) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(const SqlResult found,
              connection_->Run("SELECT table_namespace, table_name FROM iceberg_tables WHERE "
                               "catalog_name = ?1 AND metadata_location = ?2 AND NOT "
                               "(table_namespace = ?3 AND table_name = ?4)",
                               {catalog_name_, location, table.name_space, table.name}));
  if (found.rows.empty()) return std::optional<TableIdentifier>();
  return TableIdentifier{found.rows[0][0].value_or(""), found.rows[0][1].value_or("")};
}

Result<std::vector<std::string>> CatalogDatabase::MetadataOfOtherCatalogs() {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(const SqlResult found,
              connection_->Run("SELECT metadata_location FROM iceberg_tables WHERE "
                               "catalog_name <> ?1 AND metadata_location IS NOT NULL",
                               {catalog_name_}));
  std::vector<std::string> locations;
  for (const auto& row : found.rows) locations.push_back(row[0].value_or(""));
  return locations;
}

Status CatalogDatabase::Create(const PointerSwap& swap) {
  OCTO_ASSIGN(const bool has_namespace, NamespaceExists(swap.table.name_space));
  if (!has_namespace) return NoNamespace(swap.table.name_space);
  OCTO_ASSIGN(const bool typed, HasTypeColumn());
  const std::string columns =
      "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location";
  auto inserted =
      connection_->Run(columns + (typed ? ", iceberg_type) VALUES (?1, ?2, ?3, ?4, 'TABLE')"
                                        : ") VALUES (?1, ?2, ?3, ?4)"),
                       {catalog_name_, swap.table.name_space, swap.table.name, swap.to});
  if (inserted) return {};
  if (inserted.error().kind == ErrorKind::kAlreadyExists) {
    return MakeError(ErrorKind::kCommitConflict,
                     "table " + swap.table.ToString() +
                         " cannot be created: a table or view of that name exists");
  }
  return tl::unexpected<Error>(std::move(inserted).error());
}

Status CatalogDatabase::Update(const PointerSwap& swap) {
  OCTO_ASSIGN(const std::string tables_only, TablesOnly());
  OCTO_ASSIGN(const SqlResult updated,
              connection_->Run(
                  "UPDATE iceberg_tables SET metadata_location = ?1, "
                  "previous_metadata_location = ?2 WHERE catalog_name = ?3 AND "
                  "table_namespace = ?4 AND table_name = ?5 AND "
                  "metadata_location = ?2" +
                      tables_only,
                  {swap.to, *swap.from, catalog_name_, swap.table.name_space, swap.table.name}));
  if (updated.changed == 1) return {};
  OCTO_ASSIGN(const auto found, FindPointer(swap.table));
  return MakeError(ErrorKind::kCommitConflict,
                   "table " + swap.table.ToString() + ": another commit came first; expected " +
                       *swap.from + ", found " + found.value_or("no such table"));
}

// In one order, whatever the caller's: two that commit the same tables do not wait for each other.
Status CatalogDatabase::SwapAll(std::vector<PointerSwap> swaps) {
  const std::lock_guard lock(mutex_);
  std::sort(swaps.begin(), swaps.end(),
            [](const PointerSwap& a, const PointerSwap& b) { return a.table < b.table; });
  return connection_->InTransaction([&]() -> Status {
    for (const PointerSwap& swap : swaps) OCTO_TRY(swap.from ? Update(swap) : Create(swap));
    return {};
  });
}

Status CatalogDatabase::DropTable(const TableIdentifier& table) {
  const std::lock_guard lock(mutex_);
  return connection_->InTransaction([&]() -> Status {
    OCTO_ASSIGN(const std::string tables_only, TablesOnly());
    OCTO_ASSIGN(const SqlResult removed,
                connection_->Run("DELETE FROM iceberg_tables WHERE catalog_name = ?1 AND "
                                 "table_namespace = ?2 AND table_name = ?3" +
                                     tables_only,
                                 {catalog_name_, table.name_space, table.name}));
    return removed.changed == 1 ? Status() : NoTable(table);
  });
}

Status CatalogDatabase::AwaitCommits() {
  const std::lock_guard lock(mutex_);
  return connection_->AwaitTransactions();
}

}  // namespace octolake::iceberg
