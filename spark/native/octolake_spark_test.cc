#include "spark/native/octolake_spark.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/c/bridge.h>
#include <arrow/config.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/uuid.h"
#include "event/event_reader.h"
#include "lake/silver_parser.h"
#include "lake/warehouse_for_test.h"

namespace octolake::spark {
namespace {

using lake::kTestNow;
using lake::Must;
using ::testing::HasSubstr;

using Batch = std::shared_ptr<arrow::RecordBatch>;

Batch BronzeRows(const std::string& text) {
  UuidV7Generator trace_ids(SystemClock(), SystemRandom());
  event::ReadOptions options;
  options.source = "gharchive";
  options.ingestion_timestamp = kTestNow;
  const auto reader = event::MakeEventReader(io::MakeMemorySource(text), options, trace_ids);
  return Must(reader->Next())->events;
}

std::string EventWithPayload(const std::string& id, const std::string& payload) {
  return R"({"id":")" + id +
         R"(","type":"PushEvent","actor":{"id":5,"login":"a"},"repo":{"id":6,)" +
         R"("name":"o/r"},"public":true,"created_at":"2015-01-02T03:04:05Z","payload":)" + payload +
         "}\n";
}

// The interface as a caller has it.
class Parser {
 public:
  Parser() { EXPECT_EQ(octolake_spark_parser_new(&parser_, nullptr), OCTOLAKE_SPARK_OK); }
  ~Parser() { octolake_spark_parser_free(parser_); }

  // The batch, or nullptr and status() and message().
  Batch Parse(const arrow::RecordBatch& bronze) {
    ArrowArray in{}, out{};
    ArrowSchema in_schema{}, out_schema{};
    EXPECT_TRUE(arrow::ExportRecordBatch(bronze, &in, &in_schema).ok());
    char* message = nullptr;
    status_ = octolake_spark_parse_bronze(parser_, &in, &in_schema, kTestNow, &out, &out_schema,
                                          &message);
    EXPECT_EQ(in.release, nullptr) << "the batch given was not taken over";
    EXPECT_EQ(in_schema.release, nullptr);
    EXPECT_EQ(message == nullptr, status_ == OCTOLAKE_SPARK_OK);
    message_ = message == nullptr ? "" : message;
    octolake_spark_free(message);
    if (status_ != OCTOLAKE_SPARK_OK) return nullptr;
    return arrow::ImportRecordBatch(&out, &out_schema).ValueOrDie();
  }

  int32_t status() const { return status_; }
  const std::string& message() const { return message_; }

 private:
  octolake_spark_parser* parser_ = nullptr;
  int32_t status_ = OCTOLAKE_SPARK_OK;
  std::string message_;
};

Batch WithColumn(const Batch& batch, const std::string& name,
                 std::shared_ptr<arrow::Array> column) {
  const int i = batch->schema()->GetFieldIndex(name);
  return batch->SetColumn(i, arrow::field(name, column->type()), column).ValueOrDie();
}

TEST(SparkInterface, RowsAreThoseOfTheSilverParser) {
  const Batch bronze = BronzeRows(EventWithPayload("1", R"({"size":3,"ref":"refs/heads/main"})") +
                                  EventWithPayload("2", "null") + EventWithPayload("3", "[1]"));
  ASSERT_EQ(bronze->num_rows(), 3);
  std::vector<int64_t> rows = {0, 1, 2};
  const Batch expected = Must(lake::SilverParser().Parse(*bronze, rows, kTestNow));
  Parser parser;
  for (int i = 0; i < 2; ++i) {  // a handle is used again
    const Batch silver = parser.Parse(*bronze);
    ASSERT_NE(silver, nullptr) << parser.message();
    EXPECT_TRUE(silver->Equals(*expected)) << silver->ToString();
    EXPECT_EQ(silver->schema()->field_names(), expected->schema()->field_names());
  }
}

TEST(SparkInterface, ASliceIsParsedAsItIs) {
  const Batch bronze =
      BronzeRows(EventWithPayload("1", R"({"size":1})") + EventWithPayload("2", R"({"size":2})") +
                 EventWithPayload("3", R"({"size":3})"));
  Parser parser;
  const Batch silver = parser.Parse(*bronze->Slice(1, 1));
  ASSERT_NE(silver, nullptr) << parser.message();
  ASSERT_EQ(silver->num_rows(), 1);
  EXPECT_EQ(silver->GetColumnByName("event_id")->GetScalar(0).ValueOrDie()->ToString(), "2");
  EXPECT_EQ(silver->GetColumnByName("push_size")->GetScalar(0).ValueOrDie()->ToString(), "2");
}

TEST(SparkInterface, NoRowsGiveNoRows) {
  Parser parser;
  const Batch silver = parser.Parse(*BronzeRows(EventWithPayload("1", "{}"))->Slice(0, 0));
  ASSERT_NE(silver, nullptr) << parser.message();
  EXPECT_EQ(silver->num_rows(), 0);
  EXPECT_EQ(silver->num_columns(), 54);
}

TEST(SparkInterface, InstantsOfAnyTimeZoneAreInUtc) {
  Batch bronze = BronzeRows(EventWithPayload("1", "{}"));
  auto data = bronze->GetColumnByName("event_time")->data()->Copy();
  data->type = arrow::timestamp(arrow::TimeUnit::MICRO, "Asia/Kathmandu");
  bronze = WithColumn(bronze, "event_time", arrow::MakeArray(data));
  Parser parser;
  const Batch silver = parser.Parse(*bronze);
  ASSERT_NE(silver, nullptr) << parser.message();
  EXPECT_EQ(silver->GetColumnByName("created_at")->GetScalar(0).ValueOrDie()->ToString(),
            "2015-01-02 03:04:05.000000Z");
}

TEST(SparkInterface, AMissingColumnIsNamed) {
  const Batch bronze = BronzeRows(EventWithPayload("1", "{}"));
  const int payload = bronze->schema()->GetFieldIndex("payload");
  Parser parser;
  EXPECT_EQ(parser.Parse(*bronze->RemoveColumn(payload).ValueOrDie()), nullptr);
  EXPECT_EQ(parser.status(), OCTOLAKE_SPARK_INVALID_ARGUMENT);
  EXPECT_THAT(parser.message(), HasSubstr("column payload is missing"));
}

TEST(SparkInterface, AColumnOfAnotherTypeIsNamed) {
  Batch bronze = BronzeRows(EventWithPayload("1", "{}"));
  arrow::Int64Builder numbers;
  ASSERT_TRUE(numbers.Append(1).ok());
  const auto number = numbers.Finish().ValueOrDie();
  Parser parser;
  EXPECT_EQ(parser.Parse(*WithColumn(bronze, "payload", number)), nullptr);
  EXPECT_EQ(parser.status(), OCTOLAKE_SPARK_INVALID_ARGUMENT);
  EXPECT_THAT(parser.message(), HasSubstr("column payload should be string, found int64"));

  auto seconds = bronze->GetColumnByName("event_time")->data()->Copy();
  seconds->type = arrow::timestamp(arrow::TimeUnit::SECOND, "UTC");
  EXPECT_EQ(parser.Parse(*WithColumn(bronze, "event_time", arrow::MakeArray(seconds))), nullptr);
  EXPECT_THAT(parser.message(), HasSubstr("event_time should be timestamp[us, tz=UTC]"));
}

TEST(SparkInterface, ARowWithoutKeyIsCorruption) {
  const Batch bronze = BronzeRows(EventWithPayload("1", "{}"));
  Parser parser;
  const auto none = arrow::MakeArrayOfNull(arrow::utf8(), 1).ValueOrDie();
  EXPECT_EQ(parser.Parse(*WithColumn(bronze, "id", none)), nullptr);
  EXPECT_EQ(parser.status(), OCTOLAKE_SPARK_CORRUPTION);
  EXPECT_THAT(parser.message(), HasSubstr("has no id, type or event_time"));
  EXPECT_NE(parser.Parse(*bronze), nullptr) << "the handle is good after an error";
}

TEST(SparkInterface, PayloadsThatAreNoJsonGiveNoFields) {
  const Batch bronze = BronzeRows(EventWithPayload("1", "{}"));
  Parser parser;
  const std::string hostile[] = {"",
                                 "{",
                                 "\"",
                                 "[[[[",
                                 "{\"size\":",
                                 std::string(100'000, '['),
                                 std::string("{\"size\":1}\0{", 12),
                                 "\xff\xfe{\"size\":9}"};
  for (const std::string& text : hostile) {
    arrow::StringBuilder payloads;
    ASSERT_TRUE(payloads.Append(text).ok());
    const Batch silver =
        parser.Parse(*WithColumn(bronze, "payload", payloads.Finish().ValueOrDie()));
    ASSERT_NE(silver, nullptr) << parser.message();
    EXPECT_TRUE(silver->GetColumnByName("push_size")->IsNull(0)) << text.substr(0, 20);
  }
}

TEST(SparkInterface, WhatIsNoBatchIsRefused) {
  const auto numbers = arrow::MakeArrayOfNull(arrow::int32(), 2).ValueOrDie();
  ArrowArray in{}, out{};
  ArrowSchema in_schema{}, out_schema{};
  ASSERT_TRUE(arrow::ExportArray(*numbers, &in, &in_schema).ok());
  octolake_spark_parser* parser = nullptr;
  ASSERT_EQ(octolake_spark_parser_new(&parser, nullptr), OCTOLAKE_SPARK_OK);
  char* message = nullptr;
  EXPECT_EQ(octolake_spark_parse_bronze(parser, &in, &in_schema, 0, &out, &out_schema, &message),
            OCTOLAKE_SPARK_INVALID_ARGUMENT);
  EXPECT_THAT(message, HasSubstr("well-formed Arrow record batch"));
  EXPECT_EQ(in.release, nullptr);
  EXPECT_EQ(in_schema.release, nullptr);
  octolake_spark_free(message);
  octolake_spark_parser_free(parser);
}

TEST(SparkInterface, SaysWhatItDefinesAndNeeds) {
  EXPECT_EQ(octolake_spark_abi(), OCTOLAKE_SPARK_ABI);
  EXPECT_STREQ(octolake_spark_arrow_version(), ARROW_VERSION_STRING);
  char* json = nullptr;
  ASSERT_EQ(octolake_spark_table_definitions(&json, nullptr), OCTOLAKE_SPARK_OK);
  EXPECT_EQ(nlohmann::json::parse(json).size(), 4U);
  octolake_spark_free(json);
  ASSERT_EQ(octolake_spark_bronze_columns(&json, nullptr), OCTOLAKE_SPARK_OK);
  EXPECT_EQ(nlohmann::json::parse(json).get<std::vector<std::string>>(),
            lake::BronzeColumnsOfSilver());
  octolake_spark_free(json);
}

}  // namespace
}  // namespace octolake::spark
