// Every way out of the sandbox that is known, tried.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "datafile/table_for_test.h"
#include "sql/session.h"

namespace octolake::sql {
namespace {

using datafile::MakeBatch;
using datafile::TestTable;

class Sandbox : public ::testing::Test {
 protected:
  void SetUp() override {
    outside_ = table_.directory() + "/outside";
    inside_ = table_.directory() + "/warehouse";
    std::filesystem::create_directory(outside_);
    std::ofstream(outside_ + "/secret.csv") << "secret\n";
    std::filesystem::create_directories(inside_ + "/tmp");
    SessionOptions options;
    options.threads = 2;
    options.readable_directories = {inside_};
    options.temp_directory = inside_ + "/tmp";
    auto opened = OpenSession(options);
    ASSERT_TRUE(opened) << opened.error().message;
    session_ = std::move(*opened);
    auto files = table_.Write({MakeBatch({{"a", arrow::int64(), "[1, 2, 3]"}})});
    ASSERT_TRUE(session_->AddRelation({"demo", "silver", "events"}, table_.schema(),
                                      std::vector<iceberg::ScanTask>{{files.at(0), 1, 1}}));
    ASSERT_TRUE(session_->UseCatalog("demo"));
    ASSERT_TRUE(session_->Sandbox());
    before_ = Everything();
  }

  // Nothing was written anywhere.
  void TearDown() override { EXPECT_EQ(Everything(), before_); }

  std::set<std::string> Everything() {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(table_.directory())) {
      names.insert(entry.path().string());
    }
    return names;
  }

  Error Run(const std::string& sql) {
    auto stream = session_->Query(sql);
    if (!stream) return stream.error();
    while (true) {
      auto batch = (*stream)->Next();
      if (!batch) return batch.error();
      if (*batch == nullptr) return {ErrorKind::kNotFound, "it ran"};
    }
  }

  void ExpectRuns(const std::string& sql) { EXPECT_EQ(Run(sql).message, "it ran") << sql; }
  void ExpectRefused(const std::string& sql) {
    const Error error = Run(sql);
    EXPECT_EQ(error.kind, ErrorKind::kUnsupported) << sql << ": " << error.message;
  }

  TestTable table_{{{1, "a", iceberg::LongType(), false, ""}}, {}, "warehouse/events"};
  std::string inside_;
  std::string outside_;
  std::unique_ptr<Session> session_;
  std::set<std::string> before_;
};

TEST_F(Sandbox, WhatReadsRuns) {
  for (const char* sql : {
           "SELECT * FROM demo.silver.events",
           "FROM silver.events;",
           "WITH x AS (SELECT a FROM silver.events) SELECT sum(a) FROM x",
           "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) FROM t",
           "VALUES (1, 2)",
           "TABLE silver.events",
           "DESCRIBE silver.events",
           "DESCRIBE SELECT 1",
           "SHOW TABLES",
           "SHOW ALL TABLES",
           "SHOW DATABASES",
           "SUMMARIZE silver.events",
           "EXPLAIN SELECT * FROM silver.events",
           " -- why\n /* so */ explain /* now */ Analyze FROM silver.events",
           "SELECT * FROM range(3), generate_series(1, 2)",
           "SELECT unnest([1, 2]), count(*) FROM silver.events",
           "SELECT * FROM json_each('[1,2]')",
           "PIVOT silver.events ON a IN (1, 2) USING count(*)",
           "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1 LIMIT 1",
           "SELECT 'a;b' -- ; not a second statement",
           "SELECT * FROM information_schema.tables",
           "SELECT approx_count_distinct(a), quantile_cont(a, 0.5) FROM silver.events",
       }) {
    ExpectRuns(sql);
  }
}

TEST_F(Sandbox, WhatWritesIsRefused) {
  const std::string file = inside_ + "/x";
  for (const std::string& sql : std::vector<std::string>{
           "CREATE TABLE t AS SELECT 1",
           "CREATE TEMP TABLE t (a INT)",
           "CREATE VIEW v AS SELECT 1",
           "CREATE OR REPLACE VIEW demo.silver.events AS SELECT 1",
           "CREATE MACRO m() AS 1",
           "CREATE SECRET s (TYPE s3)",
           "DROP VIEW silver.events",
           "INSERT INTO silver.events VALUES (1)",
           "DELETE FROM silver.events",
           "UPDATE silver.events SET a = 1",
           "COPY (SELECT 1) TO '" + file + "'",
           "COPY silver.events TO '" + file + ".parquet'",
           "EXPORT DATABASE '" + file + "'",
           "ATTACH ':memory:' AS m",
           "ATTACH '" + file + ".db' AS d",
           "DETACH demo",
           "USE memory",
           "CHECKPOINT",
           "VACUUM",
           "ANALYZE",
           "BEGIN",
           "PREPARE p AS SELECT 1",
           "EXECUTE p",
           "INSTALL httpfs",
           "LOAD httpfs",
           "LOAD '" + file + "'",
           "CALL enable_logging()",
           "CALL pragma_version()",
           "SET threads = 1",
           "SET GLOBAL enable_external_access = true",
           "SET lock_configuration = false",
           "SET VARIABLE x = 1",
           "RESET threads",
           "PRAGMA threads = 1",
           "PRAGMA database_list",
           "PRAGMA enable_profiling",
           "EXPLAIN COPY (SELECT 1) TO '" + file + "'",
           "EXPLAIN ANALYZE COPY (SELECT 1) TO '" + file + "'",
           "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
           "EXPLAIN/**/ANALYSE/**/COPY (SELECT 1) TO '" + file + "'",
           "explain -- \n analyze copy (select 1) to '" + file + "'",
           "EXPLAIN EXPLAIN ANALYZE COPY (SELECT 1) TO '" + file + "'",
           "SELECT 1; COPY (SELECT 1) TO '" + file + "'",
           "EXPLAIN SELECT 1; COPY (SELECT 1) TO '" + file + "'",
           "PIVOT silver.events ON a USING count(*)",
       }) {
    ExpectRefused(sql);
  }
  // DuckDB looks for the scripts it would run before it can be asked what the statement is.
  EXPECT_EQ(Run("IMPORT DATABASE '" + file + "'").kind, ErrorKind::kIo);
  EXPECT_EQ(Run("IMPORT DATABASE '" + outside_ + "'").kind, ErrorKind::kUnsupported);
  // Not even parsed, or not in this grammar.
  for (const std::string& sql : std::vector<std::string>{
           "WITH x AS (INSERT INTO silver.events VALUES (1) RETURNING *) FROM x",
           "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '" + file + "'",
           "EXPLAIN ANALYZE",
           std::string("SELECT 1\0; COPY (SELECT 1) TO 'x'", 34),
           "",
           ";",
       }) {
    EXPECT_EQ(Run(sql).kind, ErrorKind::kInvalidArgument) << sql << ": " << Run(sql).message;
  }
}

TEST_F(Sandbox, FunctionsThatChangeSomethingAreRefused) {
  const std::string call =
      "enable_logging(storage := 'file', storage_path := '" + inside_ + "/logs')";
  for (const std::string& sql : std::vector<std::string>{
           "SELECT * FROM " + call,
           "SELECT * FROM ENABLE_LOGGING()",
           "SELECT * FROM \"enable_logging\"()",
           "SELECT * FROM system.main.enable_logging()",
           "FROM " + call + " SELECT 1",
           "WITH x AS (FROM " + call + ") FROM x",
           "SELECT (SELECT count(*) FROM " + call + ")",
           "SELECT 1 ORDER BY (SELECT count(*) FROM " + call + ")",
           "SELECT 1 LIMIT (SELECT count(*) FROM " + call + ")",
           "SELECT 1 WHERE EXISTS (FROM " + call + ")",
           "SELECT count(*) FILTER (WHERE EXISTS (FROM " + call + ")) FROM range(1)",
           "SELECT * FROM range(1), LATERAL (FROM " + call + ")",
           "SELECT 1 UNION ALL SELECT 2 FROM " + call,
           "SELECT * FROM range((SELECT count(*) FROM " + call + "))",
           "SELECT * FROM silver.events JOIN " + call + " ON true",
           "VALUES ((SELECT count(*) FROM " + call + "))",
           "DESCRIBE SELECT * FROM " + call,
           "SUMMARIZE SELECT * FROM " + call,
           "EXPLAIN ANALYZE SELECT * FROM " + call,
           "PIVOT (FROM " + call + ") ON Success IN (true)",
           "UNPIVOT (FROM " + call + ") ON Success",
           "SELECT list_transform([1], x -> (SELECT count(*) FROM " + call + "))",
           "SELECT sum(1) OVER (ORDER BY (SELECT count(*) FROM " + call + "))",
           "SELECT * FROM query('SELECT * FROM enable_logging()')",
           "SELECT * FROM query_table('enable_logging()')",
           "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
           "SELECT * FROM disable_logging()",
           "SELECT * FROM truncate_duckdb_logs()",
           "SELECT * FROM checkpoint()",
           "SELECT * FROM force_checkpoint('demo')",
           "SELECT * FROM read_duckdb('" + inside_ + "/x.db')",
           "SELECT * FROM read_blob('" + inside_ + "/*')",
           "SELECT write_log('x')",
       }) {
    ExpectRefused(sql);
  }
}

TEST_F(Sandbox, FilesOutsideCannotBeRead) {
  const std::string secret = outside_ + "/secret.csv";
  for (const std::string& sql : std::vector<std::string>{
           "SELECT * FROM read_csv('" + secret + "')",
           "SELECT * FROM read_text('" + secret + "')",
           "SELECT * FROM read_text('/etc/passwd')",
           "SELECT * FROM read_text('" + inside_ + "/../outside/secret.csv')",
           "SELECT * FROM read_text('" + inside_ + "/events/../../outside/secret.csv')",
           "SELECT * FROM read_text('" + inside_ + "/tmp/../../outside/*')",
           "SELECT * FROM read_text('file://" + secret + "')",
           "SELECT * FROM read_text(['" + inside_ + "/events', '" + secret + "'])",
           "SELECT * FROM read_json('" + secret + "')",
           "SELECT * FROM read_parquet('" + secret + "')",
           "SELECT * FROM parquet_metadata('" + secret + "')",
           "SELECT * FROM sniff_csv('" + secret + "')",
           "SELECT * FROM glob('" + outside_ + "/*')",
           "SELECT * FROM glob('/etc/*')",
           "SELECT * FROM read_text('" + inside_ + "x/secret.csv')",
           "EXPLAIN ANALYZE SELECT * FROM read_text('" + secret + "')",
           "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')",
           "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
       }) {
    ExpectRefused(sql);
  }
  for (const std::string& sql : std::vector<std::string>{
           "SELECT * FROM '" + secret + "'",
           "SELECT getenv('HOME')",
       }) {
    const Error error = Run(sql);
    EXPECT_TRUE(error.kind == ErrorKind::kUnsupported || error.kind == ErrorKind::kInvalidArgument)
        << sql << ": " << error.message;
  }
}

TEST_F(Sandbox, TheProgramItselfStillAddsRelations) {
  ASSERT_TRUE(session_->AddRelation({"demo", "gold", "later"}, table_.schema(), {}));
  ExpectRuns("SELECT * FROM gold.later");
}

TEST(OpenSessionTest, ModelsReadNothingElseBeforeTheSandboxEither) {
  auto session = OpenSession({});
  ASSERT_TRUE(session) << session.error().message;
  auto stream = (*session)->Query("SELECT * FROM read_text('/etc/hostname')");
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind, ErrorKind::kUnsupported);
  auto opened = (*session)->Query("SET enable_external_access = true");
  EXPECT_FALSE(opened);
}

}  // namespace
}  // namespace octolake::sql
