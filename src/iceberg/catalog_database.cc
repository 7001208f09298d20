#include "iceberg/catalog_database.h"

#include <utility>

namespace octolake::iceberg {
namespace {

constexpr std::string_view kCreateTables =
    "CREATE TABLE IF NOT EXISTS iceberg_tables ("
    "catalog_name VARCHAR(255) NOT NULL, "
    "table_namespace VARCHAR(255) NOT NULL, "
    "table_name VARCHAR(255) NOT NULL, "
    "metadata_location VARCHAR(1000), "
    "previous_metadata_location VARCHAR(1000), "
    "iceberg_type VARCHAR(5), "
    "PRIMARY KEY (catalog_name, table_namespace, table_name))";

constexpr std::string_view kCreateProperties =
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties ("
    "catalog_name VARCHAR(255) NOT NULL, "
    "namespace VARCHAR(255) NOT NULL, "
    "property_key VARCHAR(255), "
    "property_value VARCHAR(1000), "
    "PRIMARY KEY (catalog_name, namespace, property_key))";

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

Result<std::unique_ptr<CatalogDatabase>> CatalogDatabase::Open(const std::string& path,
                                                               const std::string& catalog_name,
                                                               bool create,
                                                               int64_t busy_timeout_ms) {
  // The journal mode stays what it is in the file: a rollback journal in those we create. WAL would
  // let readers go on during a commit, but our transactions last milliseconds, and a rollback
  // journal keeps the catalog one file: a copy made while stopped is whole, it opens from read-only
  // media and on file systems without shared memory, and so it does for Java and PyIceberg, which
  // change no modes themselves.
  OCTO_ASSIGN(auto connection,
              io::SqliteDatabase::Open({path, "catalog database", create, busy_timeout_ms}));
  std::unique_ptr<CatalogDatabase> database(
      new CatalogDatabase(std::move(connection), catalog_name));
  OCTO_TRY(database->CreateMissingTables(create));
  return database;
}

Status CatalogDatabase::CreateMissingTables(bool create) {
  OCTO_ASSIGN(const bool has_tables, HasTable("iceberg_tables"));
  OCTO_ASSIGN(const bool has_properties, HasTable("iceberg_namespace_properties"));
  if (has_tables && has_properties) return {};
  if (!create) {
    return MakeError(ErrorKind::kNotFound,
                     "catalog database " + database_->path() +
                         " has no tables iceberg_tables and iceberg_namespace_properties; it is "
                         "no Iceberg catalog");
  }
  OCTO_ASSIGN(io::SqliteTransaction transaction, io::SqliteTransaction::Begin(*database_));
  OCTO_TRY(database_->Execute(kCreateTables));
  OCTO_TRY(database_->Execute(kCreateProperties));
  return transaction.Commit();
}

Result<bool> CatalogDatabase::HasTable(const std::string& name) {
  OCTO_ASSIGN(auto query,
              database_->Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"));
  return query.Bind(1, name).Step();
}

// Asked each time: another program may add the column while this one runs.
Result<bool> CatalogDatabase::HasTypeColumn() {
  OCTO_ASSIGN(auto query, database_->Prepare("SELECT 1 FROM pragma_table_info('iceberg_tables') "
                                             "WHERE name = 'iceberg_type'"));
  return query.Step();
}

Result<std::string> CatalogDatabase::TablesOnly() {
  OCTO_ASSIGN(const bool typed, HasTypeColumn());
  // Rows from before the column was there have NULL, and are tables.
  return std::string(typed ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" : "");
}

Result<bool> CatalogDatabase::NamespaceExists(const std::string& name_space) {
  OCTO_ASSIGN(auto query, database_->Prepare("SELECT 1 FROM iceberg_namespace_properties "
                                             "WHERE catalog_name = ?1 AND namespace = ?2 UNION ALL "
                                             "SELECT 1 FROM iceberg_tables "
                                             "WHERE catalog_name = ?1 AND table_namespace = ?2"));
  return query.Bind(1, catalog_name_).Bind(2, name_space).Step();
}

Status CatalogDatabase::CreateNamespace(const std::string& name_space,
                                        const Properties& properties) {
  const std::lock_guard lock(mutex_);
  Properties all = properties;
  all.emplace(kExistsKey, kExistsValue);
  OCTO_ASSIGN(io::SqliteTransaction transaction, io::SqliteTransaction::Begin(*database_));
  OCTO_ASSIGN(const bool exists, NamespaceExists(name_space));
  if (exists) {
    return MakeError(ErrorKind::kAlreadyExists, "namespace '" + name_space + "' exists already");
  }
  for (const auto& [key, value] : all) {
    OCTO_ASSIGN(auto insert,
                database_->Prepare("INSERT INTO iceberg_namespace_properties "
                                   "(catalog_name, namespace, property_key, property_value) "
                                   "VALUES (?, ?, ?, ?)"));
    OCTO_TRY(
        insert.Bind(1, catalog_name_).Bind(2, name_space).Bind(3, key).Bind(4, value).Finish());
  }
  return transaction.Commit();
}

Result<std::vector<std::string>> CatalogDatabase::ListNamespaces() {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto query, database_->Prepare("SELECT namespace FROM iceberg_namespace_properties "
                                             "WHERE catalog_name = ?1 UNION "
                                             "SELECT table_namespace FROM iceberg_tables "
                                             "WHERE catalog_name = ?1 ORDER BY 1"));
  query.Bind(1, catalog_name_);
  std::vector<std::string> names;
  while (true) {
    OCTO_ASSIGN(const bool row, query.Step());
    if (!row) return names;
    names.push_back(query.Text(0).value_or(""));
  }
}

Result<std::vector<TableIdentifier>> CatalogDatabase::ListTables(const std::string& name_space) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(const bool exists, NamespaceExists(name_space));
  if (!exists) return NoNamespace(name_space);
  OCTO_ASSIGN(const std::string tables_only, TablesOnly());
  OCTO_ASSIGN(auto query,
              database_->Prepare("SELECT table_name FROM iceberg_tables WHERE catalog_name = ? "
                                 "AND table_namespace = ?" +
                                 tables_only + " ORDER BY table_name"));
  query.Bind(1, catalog_name_).Bind(2, name_space);
  std::vector<TableIdentifier> tables;
  while (true) {
    OCTO_ASSIGN(const bool row, query.Step());
    if (!row) return tables;
    tables.push_back({name_space, query.Text(0).value_or("")});
  }
}

Result<std::optional<std::string>> CatalogDatabase::FindPointer(const TableIdentifier& table) {
  OCTO_ASSIGN(const std::string tables_only, TablesOnly());
  OCTO_ASSIGN(auto query, database_->Prepare("SELECT metadata_location FROM iceberg_tables WHERE "
                                             "catalog_name = ? AND table_namespace = ? AND "
                                             "table_name = ?" +
                                             tables_only));
  query.Bind(1, catalog_name_).Bind(2, table.name_space).Bind(3, table.name);
  OCTO_ASSIGN(const bool row, query.Step());
  if (!row) return std::optional<std::string>();
  std::optional<std::string> location = query.Text(0);
  if (!location || location->empty()) {
    return MakeError(ErrorKind::kCorruption, "table " + table.ToString() + " in catalog database " +
                                                 database_->path() + " has no metadata_location");
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
  OCTO_ASSIGN(auto query,
              database_->Prepare("SELECT table_namespace, table_name FROM iceberg_tables WHERE "
                                 "catalog_name = ?1 AND metadata_location = ?2 AND NOT "
                                 "(table_namespace = ?3 AND table_name = ?4)"));
  query.Bind(1, catalog_name_).Bind(2, location).Bind(3, table.name_space).Bind(4, table.name);
  OCTO_ASSIGN(const bool row, query.Step());
  if (!row) return std::optional<TableIdentifier>();
  return TableIdentifier{query.Text(0).value_or(""), query.Text(1).value_or("")};
}

Result<std::vector<std::string>> CatalogDatabase::MetadataOfOtherCatalogs() {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto query, database_->Prepare("SELECT metadata_location FROM iceberg_tables WHERE "
                                             "catalog_name <> ?1 AND metadata_location NOT NULL"));
  query.Bind(1, catalog_name_);
  std::vector<std::string> locations;
  while (true) {
    OCTO_ASSIGN(const bool row, query.Step());
    if (!row) return locations;
    locations.push_back(query.Text(0).value_or(""));
  }
}

Status CatalogDatabase::Create(const PointerSwap& swap) {
  OCTO_ASSIGN(const bool has_namespace, NamespaceExists(swap.table.name_space));
  if (!has_namespace) return NoNamespace(swap.table.name_space);
  OCTO_ASSIGN(const bool typed, HasTypeColumn());
  const std::string columns =
      "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location";
  OCTO_ASSIGN(auto insert, database_->Prepare(columns + (typed ? ", iceberg_type) VALUES (?, ?, ?, "
                                                                 "?, 'TABLE')"
                                                               : ") VALUES (?, ?, ?, ?)")));
  insert.Bind(1, catalog_name_).Bind(2, swap.table.name_space).Bind(3, swap.table.name);
  Status inserted = insert.Bind(4, swap.to).Finish();
  if (!inserted && inserted.error().kind == ErrorKind::kAlreadyExists) {
    return MakeError(ErrorKind::kCommitConflict,
                     "table " + swap.table.ToString() +
                         " cannot be created: a table or view of that name exists");
  }
  return inserted;
}

Status CatalogDatabase::Update(const PointerSwap& swap) {
  OCTO_ASSIGN(const std::string tables_only, TablesOnly());
  OCTO_ASSIGN(auto update,
              database_->Prepare("UPDATE iceberg_tables SET metadata_location = ?1, "
                                 "previous_metadata_location = ?2 WHERE catalog_name = ?3 AND "
                                 "table_namespace = ?4 AND table_name = ?5 AND "
                                 "metadata_location = ?2" +
                                 tables_only));
  update.Bind(1, swap.to).Bind(2, *swap.from).Bind(3, catalog_name_);
  OCTO_TRY(update.Bind(4, swap.table.name_space).Bind(5, swap.table.name).Finish());
  if (database_->changed_rows() == 1) return {};
  OCTO_ASSIGN(const auto found, FindPointer(swap.table));
  return MakeError(ErrorKind::kCommitConflict,
                   "table " + swap.table.ToString() + ": another commit came first; expected " +
                       *swap.from + ", found " + found.value_or("no such table"));
}

Status CatalogDatabase::SwapAll(const std::vector<PointerSwap>& swaps) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(io::SqliteTransaction transaction, io::SqliteTransaction::Begin(*database_));
  for (const PointerSwap& swap : swaps) {
    OCTO_TRY(swap.from ? Update(swap) : Create(swap));
  }
  return transaction.Commit();
}

Status CatalogDatabase::DropTable(const TableIdentifier& table) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(io::SqliteTransaction transaction, io::SqliteTransaction::Begin(*database_));
  OCTO_ASSIGN(const std::string tables_only, TablesOnly());
  OCTO_ASSIGN(auto remove,
              database_->Prepare("DELETE FROM iceberg_tables WHERE catalog_name = ? AND "
                                 "table_namespace = ? AND table_name = ?" +
                                 tables_only));
  remove.Bind(1, catalog_name_).Bind(2, table.name_space).Bind(3, table.name);
  OCTO_TRY(remove.Finish());
  if (database_->changed_rows() != 1) return NoTable(table);
  return transaction.Commit();
}

}  // namespace octolake::iceberg
