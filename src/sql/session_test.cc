#include "sql/session.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/few_descriptors_for_test.h"
#include "datafile/table_for_test.h"
#include "sql/session_for_test.h"

namespace octolake::sql {
namespace {

using datafile::ColumnText;
using datafile::MakeBatch;
using datafile::MakeType;
using datafile::TestTable;
using iceberg::TypeId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const auto kInstant = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");

// DuckDB opens files of the system when it starts, and ends the process where it cannot.
TEST(Session, WithoutDescriptorsItDoesNotOpenAndSaysWhy) {
  for (int free = 0; free < 20; ++free) {
    const auto session = [&] {
      const FewMoreDescriptors limit(free);
      return OpenSession({});
    }();
    if (session) continue;
    EXPECT_LT(free, 8) << session.error().message;
    EXPECT_EQ(session.error().kind, ErrorKind::kResourceExhausted);
    EXPECT_THAT(session.error().message, HasSubstr("raise the limit on open files (ulimit -n)"));
  }
  EXPECT_TRUE(OpenSession({}));
}

TEST(Session, ReadsWhatTheWriterWrote) {
  TestTable table({{1, "flag", iceberg::BooleanType(), false, ""},
                   {2, "big", iceberg::LongType(), false, ""},
                   {3, "ratio", iceberg::DoubleType(), false, ""},
                   {4, "price", MakeType(TypeId::kDecimal, 20, 2), false, ""},
                   {5, "day", iceberg::DateType(), false, ""},
                   {6, "instant", iceberg::TimestamptzType(), false, ""},
                   {7, "local", MakeType(TypeId::kTimestamp), false, ""},
                   {8, "text", iceberg::StringType(), false, ""},
                   {9, "bytes", iceberg::BinaryType(), false, ""},
                   {10, "nothing", iceberg::IntType(), false, ""}},
                  {{5, 1000, "day", iceberg::Transform{}}});
  auto batch =
      MakeBatch({{"flag", arrow::boolean(), "[true, null, false]"},
                 {"big", arrow::int64(), "[-9223372036854775808, null, 9223372036854775807]"},
                 {"ratio", arrow::float64(), "[-0.5, null, 1e300]"},
                 {"price", arrow::decimal128(20, 2), R"(["-123456789012345678.99", null, "0.01"])"},
                 {"day", arrow::date32(), "[-1, -1, -1]"},
                 {"instant", kInstant, "[-1, null, 253402300799999999]"},
                 {"local", arrow::timestamp(arrow::TimeUnit::MICRO), "[-1, null, 1]"},
                 {"text", arrow::utf8(), R"(["", null, "žluťoučký 🐙"])"},
                 {"bytes", arrow::binary(), R"(["", null, "abc"])"},
                 {"nothing", arrow::int32(), "[null, null, null]"}});
  auto files = table.Write({batch});
  auto session = Open(OptionsFor(table.directory()));
  Add(*session, kEvents, table.schema(), files);
  auto rows = Rows(*session, "SELECT * FROM demo.silver.events");
  auto expected = arrow::Table::FromRecordBatches({batch}).ValueOrDie();
  ASSERT_EQ(rows->num_columns(), expected->num_columns());
  for (int column = 0; column < rows->num_columns(); ++column) {
    EXPECT_TRUE(rows->column(column)->Equals(*expected->column(column)))
        << rows->schema()->field(column)->ToString() << rows->column(column)->ToString();
  }
  EXPECT_THAT((*session->Query("FROM demo.silver.events"))->type_names(),
              ElementsAre("BOOLEAN", "BIGINT", "DOUBLE", "DECIMAL(20,2)", "DATE",
                          "TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "VARCHAR", "BLOB", "INTEGER"));
}

TEST(Session, MapsFilesOfOlderSchemasByFieldId) {
  TestTable table({{1, "a", iceberg::IntType(), false, ""},
                   {2, "b", iceberg::StringType(), false, ""},
                   {3, "dropped", iceberg::StringType(), false, ""},
                   {4, "r", MakeType(TypeId::kFloat), false, ""}});
  auto files = table.Write({MakeBatch({{"a", arrow::int32(), "[1, 2]"},
                                       {"b", arrow::utf8(), R"(["x", "y"])"},
                                       {"dropped", arrow::utf8(), R"(["no", "no"])"},
                                       {"r", arrow::float32(), "[0.5, null]"}})});
  // b becomes a, a becomes number (long), r widens, c and dropped (another id) are new.
  const iceberg::Schema now{.schema_id = 1,
                            .fields = {{1, "number", iceberg::LongType(), false, ""},
                                       {4, "r", iceberg::DoubleType(), false, ""},
                                       {2, "a", iceberg::StringType(), false, ""},
                                       {7, "dropped", iceberg::StringType(), false, ""},
                                       {6, "c", iceberg::TimestamptzType(), false, ""}},
                            .identifier_field_ids = {}};
  table.metadata().schemas[0] = now;
  table.metadata().current_schema_id = now.schema_id;
  auto newer = table.Write({MakeBatch({{"number", arrow::int64(), "[1000000000000]"},
                                       {"r", arrow::float64(), "[0.1]"},
                                       {"a", arrow::utf8(), R"(["z"])"},
                                       {"dropped", arrow::utf8(), R"(["yes"])"},
                                       {"c", kInstant, "[5]"}})});
  for (const bool newer_first : {false, true}) {
    auto all = files;
    all.insert(newer_first ? all.begin() : all.end(), newer.begin(), newer.end());
    auto session = Open(OptionsFor(table.directory()));
    Add(*session, kEvents, now, all);
    auto rows = Rows(*session, "FROM demo.silver.events ORDER BY number");
    EXPECT_EQ(ColumnText(*rows, "number"), "1,2,1000000000000");
    EXPECT_EQ(ColumnText(*rows, "r"), "0.5,null,0.1");
    EXPECT_EQ(ColumnText(*rows, "a"), "x,y,z");
    EXPECT_EQ(ColumnText(*rows, "dropped"), "null,null,yes");
    EXPECT_EQ(Rows(*session, "FROM demo.silver.events WHERE c IS NOT NULL")->num_rows(), 1);
    EXPECT_EQ(Rows(*session, "FROM demo.silver.events WHERE number = 2 AND a = 'y'")->num_rows(),
              1);
    EXPECT_EQ(rows->num_columns(), 5);
  }
}

TEST(Session, AnEmptyPlanIsAnEmptyRelation) {
  auto session = Open();
  const iceberg::Schema schema{.fields = {{1, "a \"b\"", iceberg::LongType(), false, ""},
                                          {2, "t", iceberg::TimestamptzType(), false, ""}},
                               .identifier_field_ids = {}};
  Add(*session, kEvents, schema, {});
  auto rows = Rows(*session, "FROM demo.silver.events");
  EXPECT_EQ(rows->num_rows(), 0);
  EXPECT_EQ(rows->schema()->ToString(), "a \"b\": int64\nt: timestamp[us, tz=UTC]");
  EXPECT_EQ(*session->QueryInteger("SELECT count(*) FROM demo.silver.events"), 0);
}

TEST(Session, RelationsAreReplacedAndOddNamesQuoted) {
  // Signs that are patterns or quotes to DuckDB, and a folder that looks like a Hive partition.
  TestTable table({{1, "it's \"a\"", iceberg::LongType(), false, ""}}, {}, "we[i]rd *d?r's/k=1");
  auto files = table.Write({MakeBatch({{"it's \"a\"", arrow::int64(), "[7]"}})});
  auto session = Open(OptionsFor(table.directory()));
  const RelationName odd{"my \"cat\"", "name'space", "ta.ble"};
  Add(*session, odd, table.schema(), {});
  Add(*session, odd, table.schema(), files);
  auto rows = Rows(*session, R"(SELECT * FROM "my ""cat""" . "name'space" . "ta.ble")");
  EXPECT_EQ(rows->num_columns(), 1);
  EXPECT_EQ(ColumnText(*rows, "it's \"a\""), "7");
}

TEST(Session, NamesAreLookedUpInTheCatalogInUse) {
  auto session = Open();
  ASSERT_TRUE(session->AddView(kEvents, "SELECT 42 AS a;"));
  EXPECT_EQ(Failure(*session, "SELECT a FROM silver.events").kind, ErrorKind::kInvalidArgument);
  ASSERT_TRUE(session->UseCatalog("demo"));
  EXPECT_EQ(*session->QueryInteger("SELECT a FROM silver.events"), 42);
  EXPECT_EQ(*session->QueryInteger("SELECT a FROM demo.silver.events"), 42);
  ASSERT_TRUE(session->AddView({"demo", "gold", "double"}, "SELECT a * 2 FROM silver.events"));
  EXPECT_EQ(*session->QueryInteger("FROM gold.double"), 84);
  auto two = session->AddView(kEvents, "SELECT 1; CREATE TABLE t AS SELECT 2");
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().kind, ErrorKind::kInvalidArgument);
}

TEST(Session, TimeIsUtcWhateverTheEnvironment) {
  auto session = Open();
  for (int connection = 0; connection < 2; ++connection) {
    auto rows = Rows(*session,
                     "SELECT current_setting('TimeZone') AS zone, "
                     "CAST('2015-01-01 00:30:00' AS TIMESTAMPTZ) AS instant, "
                     "CAST(TIMESTAMPTZ '2015-01-01 00:30:00+00' AS DATE)::VARCHAR AS day");
    EXPECT_EQ(ColumnText(*rows, "zone"), "UTC");
    EXPECT_EQ(ColumnText(*rows, "day"), "2015-01-01");
    EXPECT_TRUE(rows->column(1)->type()->Equals(kInstant));
    EXPECT_EQ(static_cast<const arrow::TimestampArray&>(*rows->column(1)->chunk(0)).Value(0),
              1'420'072'200'000'000);
  }
}

TEST(Session, ResultTypesAreThoseArrowHas) {
  auto session = Open();
  auto stream = session->Query(
      "SELECT sum(i) AS total, CAST('x' AS ENUM('x', 'y')) AS e, [1, 2] AS l, "
      "{'a': 1} AS s, CAST('{}' AS JSON) AS j, 1.50 AS d, NULL AS n, INTERVAL 1 DAY AS i, "
      "uuid() AS u, CAST(1 AS UBIGINT) AS ub, TIMESTAMP_NS '2015-01-01' AS ns, MAP {'k': 1} AS m "
      "FROM range(3) t(i)");
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_THAT((*stream)->type_names(),
              ElementsAre("HUGEINT", "ENUM", "INTEGER[]", "STRUCT(\"a\" INTEGER)", "JSON",
                          "DECIMAL(3,2)", "INTEGER", "INTERVAL", "UUID", "UBIGINT", "TIMESTAMP_NS",
                          "MAP(VARCHAR, INTEGER)"));
  const auto& schema = *(*stream)->schema();
  EXPECT_TRUE(schema.field(0)->type()->Equals(arrow::decimal128(38, 0)));
  EXPECT_TRUE(schema.field(1)->type()->Equals(arrow::utf8()));
  EXPECT_TRUE(schema.field(5)->type()->Equals(arrow::decimal128(3, 2)));
  auto batch = (*stream)->Next();
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ((*batch)->column(0)->GetScalar(0).ValueOrDie()->ToString(), "3");
  EXPECT_EQ((*batch)->column(1)->GetScalar(0).ValueOrDie()->ToString(), "x");
}

TEST(Session, SeveralResultsCanBeReadSideBySide) {
  auto session = Open();
  auto first = session->Query("SELECT i FROM range(10000) t(i)");
  ASSERT_TRUE(first);
  int64_t seen = 0;
  while (true) {
    auto batch = (*first)->Next();
    ASSERT_TRUE(batch) << batch.error().message;
    if (*batch == nullptr) break;
    seen += (*batch)->num_rows();
    EXPECT_EQ(*session->QueryInteger("SELECT 5"), 5);
  }
  EXPECT_EQ(seen, 10000);
}

TEST(Session, AResultOutlivesItsSession) {
  auto session = Open();
  auto stream = session->Query("SELECT i FROM range(100000) t(i)");
  ASSERT_TRUE(stream);
  session.reset();
  int64_t seen = 0;
  while (true) {
    auto batch = (*stream)->Next();
    ASSERT_TRUE(batch);
    if (*batch == nullptr) break;
    seen += (*batch)->num_rows();
  }
  EXPECT_EQ(seen, 100000);
}

TEST(Session, ABigResultStreamsInBoundedMemory) {
  SessionOptions options;
  options.threads = 2;
  options.memory_limit_bytes = 64 << 20;  // the result is 1.6 GB, nowhere to spill
  auto session = Open(options);
  auto stream = session->Query("SELECT i, repeat('x', 400) AS s FROM range(4000000) t(i)");
  ASSERT_TRUE(stream) << stream.error().message;
  int64_t seen = 0;
  while (true) {
    auto batch = (*stream)->Next();
    ASSERT_TRUE(batch) << batch.error().message;
    if (*batch == nullptr) break;
    seen += (*batch)->num_rows();
  }
  EXPECT_EQ(seen, 4'000'000);
}

TEST(Session, ErrorsHaveTheirKind) {
  auto session = Open();
  EXPECT_EQ(Failure(*session, "SELEC 1").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Failure(*session, "SELECT nope").kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(Failure(*session, "SELECT nope").message, HasSubstr("nope"));
  EXPECT_EQ(Failure(*session, "FROM nowhere").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Failure(*session, "").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Failure(*session, "-- only a comment").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Failure(*session, "SELECT 1; SELECT 2").kind, ErrorKind::kInvalidArgument);
  // Fails after the first rows have been handed out.
  EXPECT_EQ(Failure(*session,
                    "SELECT CASE WHEN i < 100000 THEN i ELSE error('late') END "
                    "FROM range(200000) t(i)")
                .kind,
            ErrorKind::kInvalidArgument);
  SessionOptions small;
  small.memory_limit_bytes = 16 << 20;
  small.threads = 1;
  auto tight = Open(small);
  EXPECT_EQ(Failure(*tight,
                    "SELECT max(s) FROM (SELECT list(repeat('x', 1000) || i) AS s "
                    "FROM range(1000000) t(i))")
                .kind,
            ErrorKind::kResourceExhausted);
}

TEST(Session, SpillsToItsTemporaryDirectory) {
  TestTable table({});
  auto options = OptionsFor(table.directory());
  options.memory_limit_bytes = 48 << 20;
  const std::string wide =
      "SELECT count(*) FROM (SELECT repeat('x', 200) AS s, row_number() OVER (ORDER BY hash(i)) "
      "AS n FROM range(1000000) t(i)) WHERE s <> '' AND n > 0";
  auto session = Open(options);
  auto count = session->QueryInteger(wide);
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 1'000'000);

  options.temp_directory.clear();
  auto without = Open(options)->QueryInteger(wide);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().kind, ErrorKind::kResourceExhausted);
}

TEST(Session, SpillsFromTheStartWhereAsked) {
  TestTable table({});
  auto options = OptionsFor(table.directory());
  const std::string setting = "SELECT CAST(current_setting('debug_force_external') AS BIGINT)";
  EXPECT_EQ(Open(options)->QueryInteger(setting).value(), 0);
  options.spill_always = true;
  EXPECT_EQ(Open(options)->QueryInteger(setting).value(), 1);
}

// Each would find its files overwritten if they shared them.
TEST(Session, SessionsThatSpillAtOnceStayApart) {
  TestTable table({});
  auto options = OptionsFor(table.directory());
  options.memory_limit_bytes = 48 << 20;
  const std::string sorted =
      "SELECT i, md5(CAST(i AS VARCHAR)) AS s FROM range(2000000) t(i) ORDER BY hash(i)";
  auto first = Open(options);
  auto second = Open(options);
  auto first_rows = first->Query(sorted);
  ASSERT_TRUE(first_rows) << first_rows.error().message;
  auto second_rows = second->Query(sorted);
  ASSERT_TRUE(second_rows) << second_rows.error().message;
  const std::filesystem::directory_iterator inside(options.temp_directory);
  EXPECT_EQ(
      std::count_if(begin(inside), end(inside), [](const auto& e) { return e.is_directory(); }), 2);
  for (auto* rows : {first_rows->get(), second_rows->get()}) {
    int64_t seen = 0;
    while (true) {
      auto batch = rows->Next();
      ASSERT_TRUE(batch) << batch.error().message;
      if (*batch == nullptr) break;
      seen += (*batch)->num_rows();
    }
    EXPECT_EQ(seen, 2'000'000);
  }
  first_rows->reset();
  second_rows->reset();
  first.reset();
  second.reset();
  EXPECT_TRUE(std::filesystem::is_empty(options.temp_directory));
}

TEST(Session, IntegersAreAskedFor) {
  auto session = Open();
  EXPECT_EQ(*session->QueryInteger("SELECT 7, 'x'"), 7);
  EXPECT_EQ(*session->QueryInteger("SELECT sum(i) FROM range(5) t(i)"), 10);
  EXPECT_EQ(*session->QueryInteger("SELECT CAST(3 AS UTINYINT)"), 3);
  for (const char* sql : {"SELECT 1 WHERE false", "SELECT NULL::BIGINT", "SELECT 'x'"}) {
    auto none = session->QueryInteger(sql);
    ASSERT_FALSE(none) << sql;
    EXPECT_EQ(none.error().kind, ErrorKind::kCorruption) << sql;
  }
}

TEST(Session, InterruptEndsARunningQuery) {
  auto session = Open();
  std::atomic<bool> done = false;
  Error error{ErrorKind::kNotFound, ""};
  std::thread reader([&] {
    error = Failure(*session, "SELECT count(*) FROM range(100000000000) a(i), range(1000) b(j)");
    done = true;
  });
  // The query may not have begun when the first interrupt comes.
  while (!done) {
    session->Interrupt();
    std::this_thread::yield();
  }
  reader.join();
  EXPECT_EQ(error.kind, ErrorKind::kTransient) << error.message;
}

TEST(Session, FilesThatAreNotReadableAreRefused) {
  TestTable table({{1, "a", iceberg::LongType(), false, ""}});
  auto files = table.Write({MakeBatch({{"a", arrow::int64(), "[7]"}})});
  auto session = Open();
  auto outside = session->AddRelation(kEvents, table.schema(), Tasks(files));
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(outside.error().message, HasSubstr("\"demo\".\"silver\".\"events\""));
  auto remote = files;
  remote[0].file_path = "s3://bucket/file.parquet";
  EXPECT_EQ(session->AddRelation(kEvents, table.schema(), Tasks(remote)).error().kind,
            ErrorKind::kUnsupported);
  remote[0].file_format = "ORC";
  EXPECT_THAT(session->AddRelation(kEvents, table.schema(), Tasks(remote)).error().message,
              HasSubstr("ORC"));
}

}  // namespace
}  // namespace octolake::sql
