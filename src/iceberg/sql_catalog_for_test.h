// A catalog in a database of its own, and another program that uses the same database. For tests
// only.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/temp_directory_for_test.h"
#include "iceberg/sql_catalog.h"
#include "iceberg/transaction.h"
#include "io/local_file_system.h"
#include "io/postgres_server_for_test.h"

namespace octolake::iceberg {

enum class TestDatabase { kSqlite, kPostgres };

inline std::string DatabaseName(const ::testing::TestParamInfo<TestDatabase>& info) {
  return info.param == TestDatabase::kSqlite ? "Sqlite" : "Postgres";
}

// Without cover of the catalog: what another program does to, and sees in, the same database.
class OtherProgram {
 public:
  virtual ~OtherProgram() = default;
  // Returns the number of rows that the statement changed.
  virtual int Run(const std::string& sql) = 0;
  virtual std::vector<std::string> Rows(const std::string& sql) = 0;
};

class OtherSqliteProgram final : public OtherProgram {
 public:
  explicit OtherSqliteProgram(const std::string& path) { sqlite3_open(path.c_str(), &connection_); }
  ~OtherSqliteProgram() override { sqlite3_close_v2(connection_); }
  OtherSqliteProgram(const OtherSqliteProgram&) = delete;
  OtherSqliteProgram& operator=(const OtherSqliteProgram&) = delete;

  int Run(const std::string& sql) override {
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK)
        << sql << ": " << (error == nullptr ? "" : error);
    sqlite3_free(error);
    return sqlite3_changes(connection_);
  }
  std::vector<std::string> Rows(const std::string& sql) override {
    std::vector<std::string> rows;
    const auto add = [](void* out, int columns, char** values, char**) {
      std::string row;
      for (int i = 0; i < columns; ++i) {
        row += (i > 0 ? "|" : "") + std::string(values[i] == nullptr ? "NULL" : values[i]);
      }
      static_cast<std::vector<std::string>*>(out)->push_back(row);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(connection_, sql.c_str(), add, &rows, nullptr), SQLITE_OK) << sql;
    return rows;
  }

 private:
  sqlite3* connection_ = nullptr;
};

class OtherPostgresProgram final : public OtherProgram {
 public:
  explicit OtherPostgresProgram(const std::string& uri) : connection_(PQconnectdb(uri.c_str())) {
    EXPECT_EQ(PQstatus(connection_), CONNECTION_OK) << PQerrorMessage(connection_);
    PQsetNoticeReceiver(
        connection_, [](void*, const PGresult*) {}, nullptr);
  }
  ~OtherPostgresProgram() override { PQfinish(connection_); }
  OtherPostgresProgram(const OtherPostgresProgram&) = delete;
  OtherPostgresProgram& operator=(const OtherPostgresProgram&) = delete;

  int Run(const std::string& sql) override {
    PGresult* result = Execute(sql);
    const int changed = std::atoi(PQcmdTuples(result));
    PQclear(result);
    return changed;
  }
  std::vector<std::string> Rows(const std::string& sql) override {
    PGresult* result = Execute(sql);
    std::vector<std::string> rows;
    for (int row = 0; row < PQntuples(result); ++row) {
      std::string text;
      for (int i = 0; i < PQnfields(result); ++i) {
        text += (i > 0 ? "|" : "") +
                std::string(PQgetisnull(result, row, i) != 0 ? "NULL" : PQgetvalue(result, row, i));
      }
      rows.push_back(text);
    }
    PQclear(result);
    return rows;
  }

 private:
  PGresult* Execute(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    EXPECT_NE(PQresultStatus(result), PGRES_FATAL_ERROR)
        << sql << ": " << PQerrorMessage(connection_);
    return result;
  }

  PGconn* connection_;
};

// A catalog in SQLite, unless the test says otherwise before SetUp.
class SqlCatalogTestBase : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kind_ == TestDatabase::kPostgres) {
      if (io::PostgresServer::Shared() == nullptr) GTEST_SKIP() << io::kNoPostgres;
      UseNewSchema();
    }
    catalog_ = Open().value();
  }
  void TearDown() override {
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all);
  }

  // In PostgreSQL each catalog of a test is a schema.
  void UseNewSchema() {
    static std::atomic<int> schemas = 0;
    const std::string schema = "catalog_" + std::to_string(++schemas);
    OtherPostgresProgram(io::PostgresServer::Shared()->Uri()).Run("CREATE SCHEMA " + schema);
    uri_ = io::PostgresServer::Shared()->Uri("&options=-csearch_path%3D" + schema);
  }
  std::unique_ptr<OtherProgram> Other() const {
    if (kind_ == TestDatabase::kPostgres) return std::make_unique<OtherPostgresProgram>(uri_);
    return std::make_unique<OtherSqliteProgram>(Options().database_path);
  }

  SqlCatalogOptions Options() const {
    SqlCatalogOptions options;
    options.database_path = (directory_ / "catalog.db").string();
    options.database_uri = uri_;
    options.catalog_name = "demo";
    options.warehouse_location = "file://" + directory_.string() + "/";
    return options;
  }
  Result<std::unique_ptr<Catalog>> Open() {
    return OpenSqlCatalog(Options(), *file_system_, clock_, random_);
  }
  UpdateContext Context() { return {*file_system_, clock_, random_}; }

  static NewTable Numbers() {
    NewTable table;
    Field id;
    id.id = 1;
    id.name = "id";
    id.type = LongType();
    table.schema.fields = {id};
    return table;
  }
  Table Create(const TableIdentifier& identifier, Properties properties = {}) {
    NewTable table = Numbers();
    table.properties = std::move(properties);
    auto created = CreateTableIfMissing(*catalog_, Context(), identifier, table);
    EXPECT_TRUE(created) << created.error().message;
    return *created;
  }
  static TableChange SetProperty(const Table& base, const std::string& key,
                                 const std::string& value) {
    TableChange change{.identifier = base.identifier, .base = base, .metadata = *base.metadata};
    change.metadata.properties[key] = value;
    return change;
  }
  Result<std::vector<Table>> Commit(TableChange change) {
    std::vector<TableChange> changes;
    changes.push_back(std::move(change));
    return catalog_->CommitTables(std::move(changes));
  }
  std::vector<std::string> MetadataFiles(const TableIdentifier& table) {
    std::vector<std::string> names;
    const auto files = file_system_->List(catalog_->DefaultTableLocation(table) + "/metadata");
    for (const io::FileInfo& file : files.value()) names.push_back(file.location);
    return names;
  }

  TestDatabase kind_ = TestDatabase::kSqlite;
  std::string uri_;  // of PostgreSQL
  std::unique_ptr<io::FileSystem> file_system_ = io::MakeLocalFileSystem();
  ManualClock clock_{1'700'000'000'000'000};
  RandomSource& random_ = SystemRandom();
  const TempDirectory temp_;
  const std::filesystem::path directory_ = temp_.path();
  std::unique_ptr<Catalog> catalog_;
};

// Run against each database.
class SqlCatalogTest : public SqlCatalogTestBase,
                       public ::testing::WithParamInterface<TestDatabase> {
 protected:
  SqlCatalogTest() { kind_ = GetParam(); }
};

}  // namespace octolake::iceberg
