#include "io/sqlite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <thread>
#include <vector>

#include "base/temp_directory_for_test.h"

namespace octolake::io {
namespace {

class SqliteTest : public ::testing::Test {
 protected:
  SqliteOptions Options() const {
    SqliteOptions options;
    options.path = directory_.path() + "/new/test.db";
    options.what = "test database";
    return options;
  }
  static std::string One(SqliteDatabase& database, const char* sql) {
    auto query = database.Prepare(sql).value();
    return query.Step().value() ? query.Text(0).value_or("NULL") : "no row";
  }

  TempDirectory directory_;
};

TEST_F(SqliteTest, ValuesComeBackAsTheyWere) {
  const auto database = SqliteDatabase::Open(Options()).value();
  ASSERT_TRUE(database->Execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, s TEXT)"));
  const std::string text("a\0'\xF0\x9F\x90\x99", 7);
  for (const int64_t number :
       {std::numeric_limits<int64_t>::min(), int64_t{0}, std::numeric_limits<int64_t>::max()}) {
    auto insert = database->Prepare("INSERT INTO t (n, s) VALUES (?, ?)").value();
    ASSERT_TRUE(insert.Bind(1, number).Bind(2, text).Finish());
    EXPECT_EQ(database->changed_rows(), 1);
    auto query = database->Prepare("SELECT n, s FROM t WHERE id = ?").value();
    ASSERT_TRUE(query.Bind(1, database->last_inserted_id()).Step().value());
    EXPECT_EQ(query.Integer(0), number);
    EXPECT_EQ(query.Text(1), text);
  }
}

TEST_F(SqliteTest, NothingIsNull) {
  const auto database = SqliteDatabase::Open(Options()).value();
  auto query = database->Prepare("SELECT ?, ?, ?, 0, ''").value();
  query.Bind(1, std::optional<int64_t>()).Bind(2, std::optional<std::string>());
  query.Bind(3, std::optional<int64_t>(7));
  ASSERT_TRUE(query.Step().value());
  EXPECT_EQ(query.Integer(0), std::nullopt);
  EXPECT_EQ(query.Text(1), std::nullopt);
  EXPECT_EQ(query.Integer(2), 7);
  EXPECT_EQ(query.Integer(3), 0);
  EXPECT_EQ(query.Text(4), "");
}

TEST_F(SqliteTest, AWrongParameterShowsAtTheStep) {
  const auto database = SqliteDatabase::Open(Options()).value();
  auto query = database->Prepare("SELECT ?").value();
  EXPECT_FALSE(query.Bind(2, int64_t{1}).Bind(1, int64_t{1}).Step());
}

TEST_F(SqliteTest, TheJournalIsAsAsked) {
  SqliteOptions options = Options();
  const auto plain = SqliteDatabase::Open(options).value();
  EXPECT_EQ(One(*plain, "PRAGMA journal_mode"), "delete");
  EXPECT_EQ(One(*plain, "PRAGMA synchronous"), "3");
  options.path += "2";
  options.journal = SqliteJournal::kWal;
  const auto wal = SqliteDatabase::Open(options).value();
  EXPECT_EQ(One(*wal, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(One(*wal, "PRAGMA synchronous"), "3");
  options.journal = SqliteJournal::kAsItIs;
  EXPECT_EQ(One(*SqliteDatabase::Open(options).value(), "PRAGMA journal_mode"), "wal");
}

TEST_F(SqliteTest, ErrorsNameTheDatabase) {
  SqliteOptions options = Options();
  options.create = false;
  const auto missing = SqliteDatabase::Open(options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().message, "test database " + options.path + " does not exist");

  options.path = directory_.path();
  EXPECT_EQ(SqliteDatabase::Open(options).error().kind, ErrorKind::kInvalidArgument);

  options = Options();
  const auto first = SqliteDatabase::Open(options).value();
  ASSERT_TRUE(first->Execute("CREATE TABLE t (n INTEGER)"));
  const auto second = SqliteDatabase::Open(options).value();
  const auto transaction = SqliteTransaction::Begin(*first);
  ASSERT_TRUE(transaction);
  const auto locked = SqliteTransaction::Begin(*second);
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(locked.error().message, ::testing::StartsWith("test database " + options.path));
}

TEST_F(SqliteTest, ATransactionWithoutCommitDidNothing) {
  const auto database = SqliteDatabase::Open(Options()).value();
  ASSERT_TRUE(database->Execute("CREATE TABLE t (n INTEGER)"));
  {
    const auto transaction = SqliteTransaction::Begin(*database);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database->Execute("INSERT INTO t VALUES (1)"));
  }
  EXPECT_EQ(One(*database, "SELECT count(*) FROM t"), "0");
  auto transaction = SqliteTransaction::Begin(*database);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(database->Execute("INSERT INTO t VALUES (1)"));
  ASSERT_TRUE(transaction->Commit());
  EXPECT_EQ(One(*database, "SELECT count(*) FROM t"), "1");
}

// Switching to a write-ahead log needs the file for itself.
TEST_F(SqliteTest, ManyMayMakeTheSameDatabaseAtOnce) {
  SqliteOptions options = Options();
  options.busy_timeout_ms = 60'000;
  options.journal = SqliteJournal::kWal;
  std::vector<Status> outcomes(8);
  {
    std::vector<std::jthread> threads;
    for (Status& outcome : outcomes) {
      threads.emplace_back([&] {
        auto database = SqliteDatabase::Open(options);
        outcome = database ? (*database)->Execute("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
                           : Status(tl::unexpected<Error>(database.error()));
      });
    }
  }
  for (const Status& outcome : outcomes) EXPECT_TRUE(outcome) << outcome.error().message;
}

}  // namespace
}  // namespace octolake::io
