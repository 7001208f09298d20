// A catalog in a directory of its own, and another program that uses the same SQLite file.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

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

namespace octolake::iceberg {

// Without cover of the catalog: what another program does to, and sees in, the same file.
class OtherProgram {
 public:
  explicit OtherProgram(const std::string& path) { sqlite3_open(path.c_str(), &connection_); }
  ~OtherProgram() { sqlite3_close_v2(connection_); }
  void Run(const std::string& sql) {
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK)
        << sql << ": " << (error == nullptr ? "" : error);
    sqlite3_free(error);
  }
  std::vector<std::string> Rows(const std::string& sql) {
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

class SqlCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override { catalog_ = Open().value(); }
  void TearDown() override {
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all);
  }

  SqlCatalogOptions Options() const {
    SqlCatalogOptions options;
    options.database_path = (directory_ / "catalog.db").string();
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

  std::unique_ptr<io::FileSystem> file_system_ = io::MakeLocalFileSystem();
  ManualClock clock_{1'700'000'000'000'000};
  RandomSource& random_ = SystemRandom();
  const TempDirectory temp_;
  const std::filesystem::path directory_ = temp_.path();
  std::unique_ptr<Catalog> catalog_;
};

}  // namespace octolake::iceberg
