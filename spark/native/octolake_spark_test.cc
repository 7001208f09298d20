#include "spark/native/octolake_spark.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/c/bridge.h>
#include <arrow/config.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
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
#include "event/message_writer.h"
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
  options.batch_bytes = options.batch_rows = int64_t{1} << 30;  // all in one batch
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
                 const std::shared_ptr<arrow::Array>& column) {
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

struct Message {
  std::string value;
  int32_t partition = 0;
  int64_t offset = 0;
};

Batch BatchOf(const std::vector<Message>& messages) {
  arrow::BinaryBuilder values;
  arrow::Int32Builder partitions;
  arrow::Int64Builder offsets;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                arrow::default_memory_pool());
  for (const Message& message : messages) {
    EXPECT_TRUE(values.Append(message.value).ok());
    EXPECT_TRUE(partitions.Append(message.partition).ok());
    EXPECT_TRUE(offsets.Append(message.offset).ok());
    EXPECT_TRUE(times.Append(kTestNow).ok());
  }
  const arrow::ArrayVector columns = {values.Finish().ValueOrDie(),
                                      partitions.Finish().ValueOrDie(),
                                      offsets.Finish().ValueOrDie(), times.Finish().ValueOrDie()};
  const auto schema = arrow::schema(
      {arrow::field("value", arrow::binary()), arrow::field("partition", arrow::int32()),
       arrow::field("offset", arrow::int64()), arrow::field("timestamp", columns[3]->type())});
  return arrow::RecordBatch::Make(schema, columns[0]->length(), columns);
}

// The interface as a caller has it.
class Decoder {
 public:
  using Give = decltype(&octolake_spark_decode_messages);
  struct Rows {
    Batch events;
    Batch rejected;
  };

  explicit Decoder(const char* origin) {
    EXPECT_EQ(octolake_spark_decoder_new(origin, &decoder_, nullptr), OCTOLAKE_SPARK_OK);
  }
  ~Decoder() { octolake_spark_decoder_free(decoder_); }

  bool Takes(const arrow::RecordBatch& messages, Give give = octolake_spark_decode_messages) {
    ArrowArray in{};
    ArrowSchema in_schema{};
    EXPECT_TRUE(arrow::ExportRecordBatch(messages, &in, &in_schema).ok());
    char* message = nullptr;
    const int32_t status = give(decoder_, &in, &in_schema, &message);
    EXPECT_EQ(in.release, nullptr) << "the batch given was not taken over";
    EXPECT_EQ(in_schema.release, nullptr);
    return Keep(status, message);
  }

  // No batches when there are no more, or after an error.
  Rows Next() {
    ArrowArray events{}, rejected{};
    ArrowSchema events_schema{}, rejected_schema{};
    int32_t has_rows = -1;
    char* message = nullptr;
    const bool good = Keep(octolake_spark_next_rows(decoder_, &events, &events_schema, &rejected,
                                                    &rejected_schema, &has_rows, &message),
                           message);
    EXPECT_EQ(has_rows == 1, events.release != nullptr);
    EXPECT_EQ(has_rows == 1, rejected.release != nullptr);
    if (!good || has_rows == 0) return {};
    return {arrow::ImportRecordBatch(&events, &events_schema).ValueOrDie(),
            arrow::ImportRecordBatch(&rejected, &rejected_schema).ValueOrDie()};
  }

  int32_t status() const { return status_; }
  const std::string& message() const { return message_; }

 private:
  bool Keep(int32_t status, char* message) {
    status_ = status;
    EXPECT_EQ(message == nullptr, status == OCTOLAKE_SPARK_OK);
    message_ = message == nullptr ? "" : message;
    octolake_spark_free(message);
    return status == OCTOLAKE_SPARK_OK;
  }

  octolake_spark_decoder* decoder_ = nullptr;
  int32_t status_ = OCTOLAKE_SPARK_OK;
  std::string message_;
};

// The only batches that messages make.
Decoder::Rows OnlyRowsOf(const arrow::RecordBatch& messages,
                         Decoder::Give give = octolake_spark_decode_messages) {
  Decoder decoder("kafka events");
  EXPECT_TRUE(decoder.Takes(messages, give)) << decoder.message();
  Decoder::Rows rows = decoder.Next();
  EXPECT_NE(rows.events, nullptr) << decoder.message();
  EXPECT_EQ(decoder.Next().events, nullptr) << "there are more";
  EXPECT_EQ(decoder.status(), OCTOLAKE_SPARK_OK) << decoder.message();
  return rows;
}

std::string ValueAt(const Batch& batch, const std::string& column, int64_t row) {
  return batch->GetColumnByName(column)->GetScalar(row).ValueOrDie()->ToString();
}

TEST(SparkInterface, MessagesBecomeRowsOfBothKinds) {
  const Batch sent = BronzeRows(EventWithPayload("1", "{}") + EventWithPayload("2", "null"));
  const std::vector<int64_t> rows = {0, 1};
  const std::string container = Must(event::EncodeMessage(*sent, rows, SystemRandom()));
  const auto decoded = OnlyRowsOf(
      *BatchOf({{container, 3, 70}, {"no container", 4, 80}, {container.substr(0, 200), 5, 90}}));
  EXPECT_TRUE(decoded.events->schema()->Equals(*event::EventSchema()));
  EXPECT_TRUE(decoded.rejected->schema()->Equals(*event::RejectedSchema()));
  ASSERT_EQ(decoded.events->num_rows(), 2);
  EXPECT_EQ(ValueAt(decoded.events, "id", 1), "2");
  EXPECT_EQ(ValueAt(decoded.events, "kafka_partition", 0), "3");
  EXPECT_EQ(ValueAt(decoded.events, "kafka_offset", 0), "70");
  EXPECT_EQ(ValueAt(decoded.events, "trace_id", 0), ValueAt(sent, "trace_id", 0));
  ASSERT_EQ(decoded.rejected->num_rows(), 2);
  EXPECT_EQ(ValueAt(decoded.rejected, "ordinal", 0), "80");
  EXPECT_EQ(ValueAt(decoded.rejected, "ordinal", 1), "90");
  EXPECT_EQ(ValueAt(decoded.rejected, "source_file", 0), "kafka events/4");
}

TEST(SparkInterface, NoMessageEndsTheDecoder) {
  const Batch sent = BronzeRows(EventWithPayload("1", R"({"a":[1,2,3]})"));
  const std::vector<int64_t> rows = {0};
  const std::string container = Must(event::EncodeMessage(*sent, rows, SystemRandom()));
  std::vector<Message> messages = {{""}, {std::string(1, '\0')}, {"Obj\x01"}};
  for (size_t cut = 0; cut < container.size(); cut += 7) {
    messages.push_back({container.substr(0, cut)});
    std::string damaged = container;
    damaged[cut] = static_cast<char>(~damaged[cut]);
    messages.push_back({damaged});
  }
  const auto decoded = OnlyRowsOf(*BatchOf(messages));
  // A flipped byte may fall where it does not matter, such as in a name; none is lost.
  EXPECT_EQ(decoded.events->num_rows() + decoded.rejected->num_rows(),
            static_cast<int64_t>(messages.size()));
  EXPECT_GT(decoded.rejected->num_rows(), static_cast<int64_t>(messages.size()) / 2);
}

TEST(SparkInterface, MessagesNeedTheirPlace) {
  const Batch messages = BatchOf({{"x"}});
  Decoder decoder("kafka events");
  EXPECT_FALSE(decoder.Takes(*messages->RemoveColumn(2).ValueOrDie()));
  EXPECT_EQ(decoder.status(), OCTOLAKE_SPARK_INVALID_ARGUMENT);
  EXPECT_THAT(decoder.message(), HasSubstr("column offset should be int64"));
  const auto none = arrow::MakeArrayOfNull(arrow::int64(), 1).ValueOrDie();
  EXPECT_FALSE(decoder.Takes(*WithColumn(messages, "offset", none)));
  EXPECT_EQ(decoder.status(), OCTOLAKE_SPARK_INVALID_ARGUMENT);
  EXPECT_THAT(decoder.message(), HasSubstr("found a NULL"));
  EXPECT_TRUE(decoder.Takes(*messages)) << "what was refused is not kept: " << decoder.message();
}

std::string ContainerOf(const std::string& events) {
  const Batch sent = BronzeRows(events);
  std::vector<int64_t> rows(static_cast<size_t>(sent->num_rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return Must(event::EncodeMessage(*sent, rows, SystemRandom()));
}

// Of so many records, each with a text of so many bytes in the column, all the same.
std::string BombOf(const std::string& column, int records, size_t text_bytes) {
  std::string events;
  for (int i = 0; i < records; ++i) events += EventWithPayload(std::to_string(i), "{}");
  Batch sent = BronzeRows(events);
  std::string text(text_bytes, 'x');
  if (column == "payload") text = R"({"a":")" + text + "\"}";
  arrow::StringBuilder texts;
  for (int i = 0; i < records; ++i) EXPECT_TRUE(texts.Append(text).ok());
  sent = WithColumn(sent, column, texts.Finish().ValueOrDie());
  std::vector<int64_t> rows(static_cast<size_t>(records));
  std::iota(rows.begin(), rows.end(), 0);
  return Must(event::EncodeMessage(*sent, rows, SystemRandom()));
}

int64_t BytesOf(const Batch& rows) { return arrow::util::ReferencedBufferSize(*rows).ValueOrDie(); }

// The bytes of a message that decompresses to much may be in any text of its records.
class SparkBombs : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Columns, SparkBombs, testing::Values("payload", "actor_login", "source"),
                         [](const auto& param) { return std::string(param.param); });

TEST_P(SparkBombs, ComeInManyBatches) {
  constexpr int kMessages = 12, kRecords = 8;
  constexpr int64_t kMiB = 1 << 20;
  const std::string bomb = BombOf(GetParam(), kRecords, 3 * kMiB);
  std::vector<Message> messages;
  for (int i = 0; i < kMessages; ++i) messages.push_back({bomb, 0, i});
  messages.push_back({"no container", 0, kMessages});
  const Batch batch = BatchOf(messages);
  ASSERT_LT(BytesOf(batch), kMiB) << "no bombs";

  const int64_t held_before = arrow::default_memory_pool()->bytes_allocated();
  Decoder decoder("kafka events");
  ASSERT_TRUE(decoder.Takes(*batch)) << decoder.message();
  int64_t events = 0, rejected = 0;
  for (auto rows = decoder.Next(); rows.events != nullptr; rows = decoder.Next()) {
    EXPECT_LE(BytesOf(rows.events), OCTOLAKE_SPARK_BATCH_BYTES);
    for (int64_t i = 0; i < rows.events->num_rows(); ++i, ++events) {
      EXPECT_EQ(ValueAt(rows.events, "kafka_offset", i), std::to_string(events / kRecords));
      EXPECT_EQ(ValueAt(rows.events, "id", i), std::to_string(events % kRecords));
    }
    rejected += rows.rejected->num_rows();
    // Rows of one message, in buffers that grow by doubling.
    EXPECT_LT(arrow::default_memory_pool()->bytes_allocated() - held_before,
              3 * 3 * kRecords * kMiB);
  }
  EXPECT_EQ(decoder.status(), OCTOLAKE_SPARK_OK) << decoder.message();
  EXPECT_EQ(events, int64_t{kMessages} * kRecords);
  EXPECT_EQ(rejected, 1);
}

TEST(SparkInterface, RowsOfManyMessagesComeInBoundedBatches) {
  std::string events;
  for (int i = 0; i < 700; ++i) events += EventWithPayload(std::to_string(i), "{}");
  const std::string container = ContainerOf(events);
  Decoder decoder("kafka events");
  ASSERT_TRUE(decoder.Takes(*BatchOf(std::vector<Message>(40, {container}))));
  int64_t batches = 0, seen = 0;
  for (auto rows = decoder.Next(); rows.events != nullptr; rows = decoder.Next()) {
    EXPECT_LE(rows.events->num_rows(), OCTOLAKE_SPARK_BATCH_ROWS);
    seen += rows.events->num_rows();
    ++batches;
  }
  EXPECT_EQ(seen, 40 * 700);
  EXPECT_LE(batches, 8) << "batches are not cut smaller than they need be";
}

TEST(SparkInterface, ARowThatIsLargerThanABatchComesAlone) {
  const std::string payload = R"({"a":")" + std::string(OCTOLAKE_SPARK_BATCH_BYTES, 'x') + "\"}";
  const std::string container = ContainerOf(
      EventWithPayload("1", "{}") + EventWithPayload("2", payload) + EventWithPayload("3", "{}"));
  Decoder decoder("kafka events");
  ASSERT_TRUE(decoder.Takes(*BatchOf({{container}})));
  for (const char* id : {"1", "2", "3"}) {
    const auto rows = decoder.Next();
    ASSERT_NE(rows.events, nullptr) << decoder.message();
    ASSERT_EQ(rows.events->num_rows(), 1);
    EXPECT_EQ(ValueAt(rows.events, "id", 0), id);
  }
  EXPECT_EQ(decoder.Next().events, nullptr);
}

TEST(SparkInterface, RowsThatAreLeftAreNotPassedBy) {
  const Batch messages = BatchOf({{ContainerOf(EventWithPayload("1", "{}"))}});
  Decoder decoder("kafka events");
  EXPECT_EQ(decoder.Next().events, nullptr) << "nothing was given";
  for (int i = 0; i < 2; ++i) {  // a handle is used again
    ASSERT_TRUE(decoder.Takes(*messages)) << decoder.message();
    EXPECT_FALSE(decoder.Takes(*messages));
    EXPECT_EQ(decoder.status(), OCTOLAKE_SPARK_INVALID_ARGUMENT);
    EXPECT_THAT(decoder.message(), HasSubstr("rows of those before are left"));
    EXPECT_EQ(decoder.Next().events->num_rows(), 1);
    EXPECT_EQ(decoder.Next().events, nullptr);
  }
}

TEST(SparkInterface, WhatWasRejectedBeforeIsKept) {
  const Batch place = BatchOf({{"\xff\xfe", 1, 7}, {"{}", 1, 8}});
  arrow::StringBuilder reasons, sources, traces;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                arrow::default_memory_pool());
  const std::string trace = "0198c0de-0000-7000-8000-000000000001";
  ASSERT_TRUE(reasons.AppendValues({"not JSON", "no id"}).ok());
  ASSERT_TRUE(sources.AppendValues({"collect", "webhook"}).ok());
  ASSERT_TRUE(traces.Append(trace).ok() && traces.AppendNull().ok());
  ASSERT_TRUE(times.Append(kTestNow - 5).ok() && times.AppendNull().ok());
  Batch batch = place;
  const std::pair<const char*, std::shared_ptr<arrow::Array>> more[] = {
      {"reason", reasons.Finish().ValueOrDie()},
      {"source", sources.Finish().ValueOrDie()},
      {"trace_id", traces.Finish().ValueOrDie()},
      {"received_at", times.Finish().ValueOrDie()}};
  for (const auto& [name, column] : more) {
    batch = batch->AddColumn(batch->num_columns(), name, column).ValueOrDie();
  }
  const Batch rejected = OnlyRowsOf(*batch, octolake_spark_rejected_messages).rejected;
  ASSERT_EQ(rejected->num_rows(), 2);
  EXPECT_EQ(ValueAt(rejected, "reason", 0), "not JSON");
  EXPECT_EQ(ValueAt(rejected, "source", 1), "webhook");
  EXPECT_EQ(ValueAt(rejected, "trace_id", 0), trace);
  EXPECT_EQ(ValueAt(rejected, "ordinal", 1), "8");
  EXPECT_TRUE(rejected->GetColumnByName("byte_offset")->IsNull(0));
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
