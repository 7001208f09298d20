#include "lake/silver_parser.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/uuid.h"
#include "datafile/arrow_schema.h"
#include "event/event_reader.h"
#include "lake/definitions.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

std::shared_ptr<arrow::RecordBatch> BronzeRows(const std::string& text,
                                               const std::string& source = "gharchive") {
  UuidV7Generator trace_ids(SystemClock(), SystemRandom());
  event::ReadOptions options;
  options.source = source;
  options.ingestion_timestamp = kTestNow;
  const auto reader = event::MakeEventReader(io::MakeMemorySource(text), options, trace_ids);
  return Must(reader->Next())->events;
}

std::string ValueOf(const arrow::RecordBatch& batch, const std::string& column, int64_t row = 0) {
  const auto array = batch.GetColumnByName(column);
  if (array->IsNull(row)) return "NULL";
  return array->GetScalar(row).ValueOrDie()->ToString();
}

constexpr char kEvent[] =
    R"({"id":"123","type":"IssuesEvent","actor":{"id":5,"login":"helper[bot]","url":"https://a",)"
    R"("avatar_url":"https://b"},"repo":{"id":6,"name":"o/r","url":"https://r"},"org":{"id":8,)"
    R"("login":"o"},"public":true,"created_at":"2015-01-02T03:04:05Z",)"
    R"("payload":{"action":"opened","issue":{"number":3,"title":"T"}}})";

TEST(SilverParser, HasTheColumnsOfTheTable) {
  const auto bronze = BronzeRows(kEvent);
  SilverParser parser;
  const auto silver = Must(parser.Parse(*bronze, {0}, kTestNow));
  const auto expected = Must(datafile::ToArrowSchema(ParsedEventsDefinition().schema));
  EXPECT_TRUE(silver->schema()->Equals(*expected)) << silver->schema()->ToString();
  for (int i = 0; i < silver->num_columns(); ++i) {
    EXPECT_TRUE(silver->column(i)->type()->Equals(expected->field(i)->type()))
        << expected->field(i)->name();
  }
  EXPECT_TRUE(silver->ValidateFull().ok());
}

TEST(SilverParser, EveryColumnThatIsNotThePayloads) {
  const auto bronze = BronzeRows(kEvent);
  SilverParser parser;
  const auto silver = Must(parser.Parse(*bronze, {0}, kTestNow + 1));
  const std::pair<const char*, const char*> expected[] = {
      {"event_id", "123"},
      {"event_type", "IssuesEvent"},
      {"created_at", "2015-01-02 03:04:05.000000Z"},
      {"public", "true"},
      {"actor_id", "5"},
      {"actor_login", "helper[bot]"},
      {"actor_url", "https://a"},
      {"actor_avatar_url", "https://b"},
      {"repo_id", "6"},
      {"repo_name", "o/r"},
      {"repo_url", "https://r"},
      {"ingestion_date", "2026-01-02"},
      {"processed_at", "2026-01-02 03:04:05.000001Z"},
      {"event_key", "123@1420167845000000"},
      {"org_id", "8"},
      {"org_login", "o"},
      {"is_bot", "true"},
      {"source", "gharchive"},
      {"payload_action", "opened"},
      {"issue_number", "3"},
      {"issue_title", "T"},
      {"push_size", "NULL"},
  };
  for (const auto& [column, value] : expected) EXPECT_EQ(ValueOf(*silver, column), value) << column;
  EXPECT_EQ(ValueOf(*silver, "trace_id"), ValueOf(*bronze, "trace_id"));
}

TEST(SilverParser, TakesOnlyTheRowsAskedFor) {
  std::string lines;
  for (int i = 0; i < 6; ++i) lines += EventLine(std::to_string(i), "2015-01-01T00:00:00Z");
  const auto bronze = BronzeRows(lines);
  SilverParser parser;
  const auto silver = Must(parser.Parse(*bronze, {0, 2, 3, 5}, kTestNow));
  ASSERT_EQ(silver->num_rows(), 4);
  EXPECT_EQ(ValueOf(*silver, "event_id", 0), "0");
  EXPECT_EQ(ValueOf(*silver, "event_id", 1), "2");
  EXPECT_EQ(ValueOf(*silver, "event_key", 2), "3@1420070400000000");
  EXPECT_EQ(ValueOf(*silver, "trace_id", 3), ValueOf(*bronze, "trace_id", 5));
}

TEST(SilverParser, KeysOfTimesBeforeTheEpoch) { EXPECT_EQ(EventKey("x", -1), "x@-1"); }

TEST(SilverParser, TimelineEventsLackWhatTheyDoNotCarry) {
  const auto bronze =
      BronzeRows(R"({"type":"WatchEvent","public":1,"created_at":"2012/04/01 12:01:30 -0700",)"
                 R"("actor":null,"payload":{"action":"started"}})"
                 "\n"
                 R"({"type":"WatchEvent","public":0,"created_at":"2012/04/01 12:01:30 -0700",)"
                 R"("actor":"ada"})");
  ASSERT_EQ(bronze->num_rows(), 2);
  SilverParser parser;
  const auto silver = Must(parser.Parse(*bronze, {0, 1}, kTestNow));
  EXPECT_EQ(ValueOf(*silver, "actor_login", 0), "NULL");
  EXPECT_EQ(ValueOf(*silver, "is_bot", 0), "NULL");
  EXPECT_EQ(ValueOf(*silver, "repo_id", 0), "NULL");
  EXPECT_EQ(ValueOf(*silver, "repo_name", 0), "NULL");
  EXPECT_EQ(ValueOf(*silver, "public", 0), "true");
  EXPECT_EQ(ValueOf(*silver, "created_at", 0), "2012-04-01 19:01:30.000000Z");
  EXPECT_EQ(ValueOf(*silver, "payload_action", 0), "started");
  EXPECT_EQ(ValueOf(*silver, "is_bot", 1), "false");
  EXPECT_EQ(ValueOf(*silver, "payload_action", 1), "NULL");
}

TEST(SilverParser, ARowWithoutAKeyIsNamed) {
  const auto bronze = BronzeRows(EventLine("1", "2015-01-01T00:00:00Z"));
  const auto ids = arrow::MakeArrayOfNull(arrow::utf8(), 1).ValueOrDie();
  const auto broken = bronze->SetColumn(0, bronze->schema()->field(0), ids).ValueOrDie();
  SilverParser parser;
  const auto silver = parser.Parse(*broken, {0}, kTestNow);
  ASSERT_FALSE(silver);
  EXPECT_EQ(silver.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(silver.error().message, ::testing::HasSubstr(ValueOf(*bronze, "trace_id")));
}

}  // namespace
}  // namespace octolake::lake
