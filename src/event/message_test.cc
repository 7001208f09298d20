// Rows of Bronze to Avro messages and back, and messages of others.
#include <arrow/api.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include "avro/container.h"
#include "base/civil_time.h"
#include "event/event_parser.h"
#include "event/generator.h"
#include "event/message_rows.h"
#include "event/message_schema.h"
#include "event/message_writer.h"
#include "event/reading_for_test.h"
#include "event/rebuild.h"
#include "event/received_rows.h"

namespace octolake::event {
namespace {

using avro::Value;

constexpr TimestampMicros kNow = 1'767'323'045'000'006;

constexpr const char kOriginalSchema[] = R"({"type":"record","name":"GitHubEvent","fields":[
  {"name":"id","type":"string"},
  {"name":"type","type":"string"},
  {"name":"actor","type":{"type":"record","name":"Actor","fields":[
    {"name":"id","type":"long"},{"name":"login","type":"string"},
    {"name":"gravatar_id","type":"string"},{"name":"url","type":"string"},
    {"name":"avatar_url","type":"string"}]}},
  {"name":"repo","type":{"type":"record","name":"Repo","fields":[
    {"name":"id","type":"long"},{"name":"name","type":"string"},{"name":"url","type":"string"}]}},
  {"name":"payload","type":["null","string"],"default":null},
  {"name":"public","type":"boolean"},
  {"name":"created_at","type":"string"}]})";

const char kGoodTime[] = "2015-01-01T15:00:00Z";

Value OriginalEvent(const std::string& id, const std::string& type = "PushEvent",
                    Value payload = Value::String(R"({"size":1})").WithBranch(1),
                    const std::string& created_at = kGoodTime) {
  return Value::Record(
      {Value::String(id), Value::String(type),
       Value::Record({Value::Long(7), Value::String("ada"), Value::String(""), Value::String("u"),
                      Value::String("a")}),
       Value::Record({Value::Long(9), Value::String("ada/engine"), Value::String("r")}),
       std::move(payload), Value::Boolean(true), Value::String(created_at)});
}

std::string Container(const std::string& schema, const std::vector<Value>& records,
                      avro::Codec codec = avro::Codec::kZstandard, int64_t block_bytes = 4096) {
  SeededRandom random(3);
  avro::WriterOptions options;
  options.codec = codec;
  options.block_bytes = block_bytes;
  std::string bytes;
  auto writer =
      avro::ContainerWriter::Create(*avro::ParseSchema(schema), options, random, &bytes).value();
  for (const Value& record : records) EXPECT_TRUE(writer->Append(record));
  EXPECT_TRUE(writer->Finish());
  return bytes;
}

class MessageTest : public testing::Test {
 protected:
  EventBatch Decode(const std::string& message, const MessageLimits& limits = {}) {
    MessageRows rows(trace_ids_, limits);
    EXPECT_TRUE(rows.Add(message, place_));
    auto batch = rows.Finish();
    EXPECT_TRUE(batch) << batch.error().message;
    EXPECT_TRUE(batch->events->ValidateFull().ok());
    EXPECT_TRUE(batch->rejected->ValidateFull().ok());
    EXPECT_TRUE(batch->events->schema()->Equals(*EventSchema()));
    EXPECT_TRUE(batch->rejected->schema()->Equals(*RejectedSchema()));
    return *batch;
  }

  template <typename Array>
  static auto At(const arrow::RecordBatch& batch, const char* column, int64_t row) {
    return static_cast<const Array&>(*batch.GetColumnByName(column)).GetView(row);
  }
  static std::string TextAt(const arrow::RecordBatch& batch, const char* column, int64_t row = 0) {
    return std::string(At<arrow::StringArray>(batch, column, row));
  }

  // The whole message must have become one rejected row.
  std::string ReasonOfMessage(const std::string& message, const MessageLimits& limits = {}) {
    const EventBatch batch = Decode(message, limits);
    EXPECT_EQ(batch.events->num_rows(), 0);
    if (batch.rejected->num_rows() != 1) return "no single rejected row";
    EXPECT_EQ(At<arrow::BinaryArray>(*batch.rejected, "raw", 0), message);
    return TextAt(*batch.rejected, "reason");
  }

  ManualClock clock_{kNow};
  SeededRandom random_{5};
  UuidV7Generator trace_ids_{clock_, random_};
  MessagePlace place_{"kafka events/3", 3, 42, kNow + 1};
};

EventBatch ReceivedBatch() {
  const ManualClock clock(kNow);
  SeededRandom random(11);
  UuidV7Generator trace_ids(clock, random);
  ReceivedRows rows("test");
  const Headers headers{{"X-GitHub-Event", "push"}, {"X-GitHub-Hook-ID", "12"}};
  const auto add = [&](std::string_view source, std::string_view delivery, std::string_view body,
                       int64_t at) {
    EXPECT_TRUE(rows.Add({source, trace_ids.Next(), kNow + at, delivery, headers, body, at}));
  };
  int64_t at = 0;
  for (const Era era : {Era::k2011, Era::k2015, Era::k2025}) {
    EventGenerator generator(GeneratorOptions{.seed = 17, .era = era});
    for (int i = 0; i < 200; ++i) add("collect", "", generator.Next(), ++at);
  }
  add("webhook", "d-1", R"({"repository":{"full_name":"a/b"},"organization":{"login":"o"}})", ++at);
  add("collect", "", R"({"id":7,"type":"","created_at":"2015-01-01T00:00:00Z","x":[1,{}]})", ++at);
  return rows.Finish().value();
}

std::vector<int64_t> AllRows(const arrow::RecordBatch& batch) {
  std::vector<int64_t> rows(static_cast<size_t>(batch.num_rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

TEST_F(MessageTest, GivesBackTheRowsThatWereEncoded) {
  const EventBatch sent = ReceivedBatch();
  ASSERT_EQ(sent.events->num_rows(), 602);
  const auto message = EncodeMessage(*sent.events, AllRows(*sent.events), random_);
  ASSERT_TRUE(message) << message.error().message;
  const EventBatch read = Decode(*message);
  EXPECT_EQ(read.rejected->num_rows(), 0);
  ASSERT_EQ(read.events->num_rows(), sent.events->num_rows());
  for (const auto& field : EventSchema()->fields()) {
    if (field->name().starts_with("kafka_")) continue;
    const auto expected = sent.events->GetColumnByName(field->name());
    EXPECT_TRUE(read.events->GetColumnByName(field->name())->Equals(expected)) << field->name();
  }
  EXPECT_EQ(At<arrow::Int32Array>(*read.events, "kafka_partition", 601), 3);
  EXPECT_EQ(At<arrow::Int64Array>(*read.events, "kafka_offset", 0), 42);
}

TEST_F(MessageTest, EncodesTheRowsAskedForInTheirOrder) {
  const EventBatch sent = ReceivedBatch();
  const std::vector<int64_t> rows{5, 0, 7};
  const EventBatch read = Decode(*EncodeMessage(*sent.events, rows, random_));
  ASSERT_EQ(read.events->num_rows(), 3);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(TextAt(*read.events, "id", i),
              TextAt(*sent.events, "id", rows[static_cast<size_t>(i)]));
  }
}

TEST_F(MessageTest, ReadsTheOriginalSchemaInEveryCodec) {
  for (const auto codec : {avro::Codec::kNull, avro::Codec::kDeflate, avro::Codec::kZstandard}) {
    std::vector<Value> events;
    for (int i = 1; i <= 300; ++i) events.push_back(OriginalEvent(std::to_string(i)));
    const EventBatch read = Decode(Container(kOriginalSchema, events, codec, 512));
    ASSERT_EQ(read.events->num_rows(), 300);
    EXPECT_EQ(read.rejected->num_rows(), 0);
    const EventRow row = EventRowAt(*read.events, 299);
    EXPECT_EQ(row.id, "300");
    EXPECT_EQ(row.type, "PushEvent");
    EXPECT_EQ(row.actor_id, 7);
    EXPECT_EQ(row.actor_login, "ada");
    EXPECT_EQ(row.actor_gravatar_id, "");
    EXPECT_EQ(row.actor_url, "u");
    EXPECT_EQ(row.actor_avatar_url, "a");
    EXPECT_EQ(row.repo_id, 9);
    EXPECT_EQ(row.repo_name, "ada/engine");
    EXPECT_EQ(row.repo_url, "r");
    EXPECT_EQ(row.payload, R"({"size":1})");
    EXPECT_EQ(row.is_public, true);
    EXPECT_EQ(row.created_at, kGoodTime);
    EXPECT_EQ(row.event_time, *ParseTimestamp(kGoodTime));
    EXPECT_FALSE(row.org_id || row.org_login || row.delivery_id || row.extra);
    EXPECT_EQ(TextAt(*read.events, "source"), "collect");
    EXPECT_EQ(At<arrow::TimestampArray>(*read.events, "ingestion_timestamp", 0), kNow + 1);
    EXPECT_LT(TextAt(*read.events, "trace_id", 0), TextAt(*read.events, "trace_id", 1));
  }
}

TEST_F(MessageTest, ResolvesOtherOrdersTypesAndFields) {
  // Fields reordered and added, an int for a long, bytes for a string, unions around everything.
  const std::string schema = R"({"type":"record","name":"GitHubEvent","namespace":"x","fields":[
    {"name":"later","type":{"type":"map","values":{"type":"array","items":"double"}}},
    {"name":"created_at","type":"bytes"},
    {"name":"actor","type":["null",{"type":"record","name":"Who","fields":[
      {"name":"extra","type":"string"},{"name":"id","type":["int","null","string"]}]}]},
    {"name":"type","type":["string","null"]},
    {"name":"id","type":["null","long","string"]}]})";
  const auto event = [](Value actor, Value id) {
    return Value::Record({Value::Map({{"k", Value::Array({Value::Double(1)})}}),
                          Value::Bytes(kGoodTime), std::move(actor),
                          Value::String("ForkEvent").WithBranch(0), std::move(id)});
  };
  const auto actor = [](Value id) {
    return Value::Record({Value::String("e"), std::move(id)}).WithBranch(1);
  };
  const Value id = Value::String("1").WithBranch(2);
  const EventBatch read =
      Decode(Container(schema, {event(actor(Value::Int(5).WithBranch(0)), id),
                                event(Value::Null().WithBranch(0), id),
                                event(actor(Value::Null().WithBranch(1)), id),
                                event(actor(Value::String("?").WithBranch(2)), id),
                                event(Value::Null().WithBranch(0), Value::Long(3).WithBranch(1)),
                                event(Value::Null().WithBranch(0), Value::Null().WithBranch(0))}));
  ASSERT_EQ(read.events->num_rows(), 3);
  EXPECT_EQ(EventRowAt(*read.events, 0).actor_id, 5);
  EXPECT_EQ(EventRowAt(*read.events, 1).actor_id, std::nullopt);
  EXPECT_EQ(EventRowAt(*read.events, 2).actor_id, std::nullopt);
  ASSERT_EQ(read.rejected->num_rows(), 3);
  EXPECT_EQ(TextAt(*read.rejected, "reason", 0), "actor.id is a string");
  EXPECT_EQ(TextAt(*read.rejected, "reason", 1), "id is a long");
  EXPECT_EQ(TextAt(*read.rejected, "reason", 2), "no id");
  EXPECT_EQ(At<arrow::BinaryArray>(*read.rejected, "raw", 0),
            R"({"later":{"k":[1]},"created_at":"2015-01-01T15:00:00Z",)"
            R"("actor":{"extra":"e","id":"?"},"type":"ForkEvent","id":"1"})");
}

TEST_F(MessageTest, RejectsRecordsThatAreNoEventsAndKeepsTheOthers) {
  const auto text = [](const char* payload) { return Value::String(payload).WithBranch(1); };
  const Value none = Value::Null().WithBranch(0);
  const EventBatch read = Decode(
      Container(kOriginalSchema,
                {OriginalEvent("1"), OriginalEvent(""), OriginalEvent("2", "T", none, "yesterday"),
                 OriginalEvent("3", "T", text("{\"a\":")), OriginalEvent("4", "T", text("{} {}")),
                 OriginalEvent("5", "T\xff"), OriginalEvent("6", "T", text("")),
                 OriginalEvent("7", "", none)}));
  ASSERT_EQ(read.events->num_rows(), 3);
  EXPECT_EQ(TextAt(*read.events, "id", 1), "6");
  EXPECT_EQ(EventRowAt(*read.events, 1).payload, std::nullopt);
  ASSERT_EQ(read.rejected->num_rows(), 5);
  EXPECT_EQ(TextAt(*read.rejected, "reason", 0), kNoId);
  EXPECT_EQ(TextAt(*read.rejected, "reason", 1), kBadCreatedAt);
  EXPECT_EQ(TextAt(*read.rejected, "reason", 2).substr(0, 22), "payload: invalid JSON ");
  EXPECT_EQ(TextAt(*read.rejected, "reason", 3), "payload: more than one JSON value");
  EXPECT_EQ(TextAt(*read.rejected, "reason", 4), "type is not UTF-8");
  EXPECT_EQ(At<arrow::BinaryArray>(*read.rejected, "raw", 2),
            R"({"id":"3","type":"T","actor":{"id":7,"login":"ada","gravatar_id":"","url":"u",)"
            R"("avatar_url":"a"},"repo":{"id":9,"name":"ada/engine","url":"r"},)"
            R"("payload":"{\"a\":","public":true,"created_at":"2015-01-01T15:00:00Z"})");
  EXPECT_EQ(TextAt(*read.rejected, "source_file"), "kafka events/3");
  EXPECT_EQ(At<arrow::Int64Array>(*read.rejected, "ordinal", 4), 42);
}

TEST_F(MessageTest, RejectsAWholeMessageThatCannotBeRead) {
  const std::string good =
      Container(kOriginalSchema, {OriginalEvent("1"), OriginalEvent("2")}, avro::Codec::kNull, 16);
  EXPECT_EQ(ReasonOfMessage(""), "an empty message");
  EXPECT_NE(ReasonOfMessage("{\"id\":1}").find("no Avro container file"), std::string::npos);
  // Damage behind a block that is whole: nothing of the message is kept as events.
  std::string damaged = good;
  damaged.back() ^= 1;
  EXPECT_NE(ReasonOfMessage(damaged).find("sync marker"), std::string::npos);
  EXPECT_NE(ReasonOfMessage(good.substr(0, good.size() - 20)).find("block 2"), std::string::npos);
}

TEST_F(MessageTest, NamesTheFieldOfASchemaThatDoesNotFit) {
  const auto reason = [&](const std::string& fields) {
    const std::string schema = R"({"type":"record","name":"E","fields":[)" + fields + "]}";
    return ReasonOfMessage(Container(schema, {}));
  };
  const std::string start = "the schema is none of a GitHubEvent: ";
  EXPECT_EQ(reason(R"({"name":"id","type":"string"},{"name":"type","type":"string"})"),
            start + "field created_at: expected string, found no such field");
  EXPECT_EQ(reason(R"({"name":"id","type":["null","long"]})"),
            start + "field id: expected string, found a union of null long");
  EXPECT_EQ(reason(R"({"name":"id","type":"string"},{"name":"type","type":"string"},)"
                   R"({"name":"actor","type":"string"})"),
            start + "field actor: expected one record, found string");
  EXPECT_EQ(ReasonOfMessage(Container(R"("string")", {})),
            start + "expected a record, found string");
}

// A record inside its own definition stands where an actor may: it has not an actor's fields.
TEST_F(MessageTest, RefusesASchemaWhereAnActorMayBeAnEvent) {
  const std::string schema = R"({"type":"record","name":"GitHubEvent","fields":[
    {"name":"id","type":"string"},{"name":"type","type":"string"},
    {"name":"created_at","type":"string"},
    {"name":"actor","type":["null","GitHubEvent",{"type":"record","name":"Actor","fields":[
      {"name":"a","type":"long"},{"name":"b","type":"long"},{"name":"c","type":"long"},
      {"name":"d","type":"long"},{"name":"id","type":"long"}]}]}]})";
  const auto event = [](Value actor) {
    return Value::Record(
        {Value::String("1"), Value::String("T"), Value::String(kGoodTime), std::move(actor)});
  };
  const Value inner = event(Value::Null().WithBranch(0)).WithBranch(1);
  EXPECT_EQ(ReasonOfMessage(Container(schema, {event(inner)})),
            "the schema is none of a GitHubEvent: field actor: expected one record, found a union "
            "of null named type record");
}

TEST_F(MessageTest, HoldsToItsLimits) {
  const std::string padding(5000, ' ');
  std::vector<Value> events;
  for (int i = 0; i < 100; ++i) {
    events.push_back(OriginalEvent("1", "T", Value::String("[]" + padding).WithBranch(1)));
  }
  for (const auto codec : {avro::Codec::kNull, avro::Codec::kZstandard}) {
    const std::string message = Container(kOriginalSchema, events, codec, 20'000);
    EXPECT_EQ(Decode(message).events->num_rows(), 100);
    EXPECT_NE(ReasonOfMessage(message, {.block_bytes = 10'000}).find("block 1: a block of more"),
              std::string::npos);
    EXPECT_NE(ReasonOfMessage(message, {.total_bytes = 100'000}).find("a block of more"),
              std::string::npos);
    EXPECT_EQ(ReasonOfMessage(message, {.records = 99}), "a message of more than 99 records");
    EXPECT_EQ(Decode(message, {.values = 1603}).events->num_rows(), 100);  // 3 are the header's
    EXPECT_NE(ReasonOfMessage(message, {.values = 1602}).find("more values than are allowed"),
              std::string::npos);
  }
}

// A few kilobytes that would take gigabytes.
TEST_F(MessageTest, RefusesValuesBeforeTheyTakeMemory) {
  const std::string schema = R"({"type":"record","name":"E","fields":[
    {"name":"id","type":"string"},{"name":"type","type":"string"},
    {"name":"created_at","type":"string"},
    {"name":"flags","type":{"type":"array","items":"boolean"}}]})";
  const std::vector<Value> flags(3'000'000, Value::Boolean(false));
  const std::string message =
      Container(schema, {Value::Record({Value::String("1"), Value::String("T"),
                                        Value::String(kGoodTime), Value::Array(flags)})});
  EXPECT_LT(message.size(), 10'000U);
  const std::string reason = ReasonOfMessage(message);
  EXPECT_NE(reason.find("field flags at byte 20000"), std::string::npos) << reason;
  EXPECT_NE(reason.find("more values than are allowed"), std::string::npos) << reason;
}

TEST_F(MessageTest, RejectsAsAWholeWhatWouldBeTooLongAsJson) {
  const std::string symbol(5'000, 's');
  const std::string schema = R"({"type":"record","name":"E","fields":[
    {"name":"id","type":"string"},{"name":"type","type":"string"},
    {"name":"created_at","type":"string"},
    {"name":"many","type":{"type":"array","items":{"type":"enum","name":"S","symbols":[")" +
                             symbol + R"("]}}}]})";
  const auto event = [](const char* id, size_t symbols) {
    return Value::Record({Value::String(id), Value::String("T"), Value::String(kGoodTime),
                          Value::Array(std::vector<Value>(symbols, Value::Enum(0)))});
  };
  const EventBatch kept = Decode(Container(schema, {event("1", 5'000), event("", 3'000)}));
  EXPECT_EQ(kept.events->num_rows(), 1);
  EXPECT_EQ(TextAt(*kept.rejected, "reason"), kNoId);
  EXPECT_GT(At<arrow::BinaryArray>(*kept.rejected, "raw", 0).size(), 15'000'000U);
  const std::string message =
      Container(schema, {event("1", 1), event("", 2'000), event("", 2'000)});
  EXPECT_EQ(ReasonOfMessage(message),
            "a message of more than 16777216 bytes of records that are no events");
}

TEST_F(MessageTest, PutsSeveralMessagesIntoOneBatch) {
  MessageRows rows(trace_ids_);
  EXPECT_TRUE(rows.Add(Container(kOriginalSchema, {OriginalEvent("1")}), place_));
  EXPECT_TRUE(rows.Add("?", {"", 0, 7, kNow}));
  EXPECT_TRUE(rows.Add(Container(kOriginalSchema, {OriginalEvent("2")}), {"", {}, {}, kNow}));
  EXPECT_TRUE(
      rows.AddRejected({"{", "cut", "webhook", "019b0000-0000-7000-8000-000000000001", 9}, place_));
  EXPECT_EQ(rows.rows(), 4);
  EXPECT_GT(rows.bytes(), 0);
  const EventBatch batch = rows.Finish().value();
  ASSERT_EQ(batch.events->num_rows(), 2);
  EXPECT_TRUE(batch.events->GetColumnByName("kafka_partition")->IsNull(1));
  ASSERT_EQ(batch.rejected->num_rows(), 2);
  EXPECT_TRUE(batch.rejected->GetColumnByName("source_file")->IsNull(0));
  EXPECT_EQ(TextAt(*batch.rejected, "reason", 1), "cut");
  EXPECT_EQ(TextAt(*batch.rejected, "source", 1), "webhook");
  EXPECT_EQ(TextAt(*batch.rejected, "trace_id", 1), "019b0000-0000-7000-8000-000000000001");
  EXPECT_EQ(At<arrow::TimestampArray>(*batch.rejected, "received", 1), 9);
  EXPECT_EQ(rows.rows(), 0);
  EXPECT_EQ(rows.bytes(), 0);
}

// Of one row, of which every text is short but that of one column.
std::shared_ptr<arrow::RecordBatch> RowWithText(const arrow::Field& column,
                                                const std::string& text) {
  auto row = ReceivedBatch().events->Slice(0, 1);
  arrow::StringBuilder values;
  EXPECT_TRUE(values.Append(text).ok());
  const int place = row->schema()->GetFieldIndex(column.name());
  return row->SetColumn(place, row->schema()->field(place), values.Finish().ValueOrDie())
      .ValueOrDie();
}

TEST_F(MessageTest, CountsTheTextOfEveryColumn) {
  constexpr int64_t kLong = int64_t{1} << 20;
  const std::string text(kLong, 'x');
  int tried = 0;
  for (const auto& column : EventSchema()->fields()) {
    const std::string& name = column->name();
    if (!column->type()->Equals(arrow::utf8())) continue;
    if (name == "trace_id" || name == "created_at" || name == "source_file") continue;
    const bool is_json = name == "payload" || name == "extra";
    const auto row = RowWithText(*column, is_json ? "{\"a\":\"" + text + "\"}" : text);
    const auto message = EncodeMessage(*row, AllRows(*row), random_);
    ASSERT_TRUE(message) << name << ": " << message.error().message;
    ASSERT_LT(message->size(), text.size() / 10);
    MessageRows rows(trace_ids_);
    EXPECT_TRUE(rows.Add(*message, place_));
    EXPECT_GE(rows.bytes(), kLong) << name;
    EXPECT_LT(rows.bytes(), 2 * kLong) << name;
    const EventBatch batch = rows.Finish().value();
    ASSERT_EQ(batch.events->num_rows(), 1) << name;
    EXPECT_GE(TextAt(*batch.events, name.c_str()).size(), text.size()) << name;
    EXPECT_EQ(rows.bytes(), 0);
    ++tried;
  }
  EXPECT_EQ(tried, 13);
}

TEST_F(MessageTest, CountsTheTextOfWhatIsRejected) {
  const std::string text(size_t{1} << 20, 'x');
  const auto counted = [&](const RejectedMessage& rejected, const MessagePlace& place) {
    MessageRows rows(trace_ids_);
    EXPECT_TRUE(rows.AddRejected(rejected, place));
    return rows.bytes();
  };
  const auto most = static_cast<int64_t>(text.size());
  EXPECT_LT(counted({"{", "cut", "webhook", "", {}}, place_), most / 100);
  EXPECT_GE(counted({text, "cut", "webhook", "", {}}, place_), most);
  EXPECT_GE(counted({"{", text, "webhook", "", {}}, place_), most);
  EXPECT_GE(counted({"{", "cut", text, "", {}}, place_), most);
  EXPECT_GE(counted({"{", "cut", "webhook", "", {}}, {text, 3, 42, kNow}), most);
}

// Engines that read our tables have no other years; what claims to be of them was made by mistake.
TEST_F(MessageTest, KnowsNoTimeOfReceiptBeyondTheYearsOfEvents) {
  constexpr const char kSchema[] = R"({"type":"record","name":"GitHubEvent","fields":[
    {"name":"id","type":"string"},{"name":"type","type":"string"},
    {"name":"created_at","type":"string"},{"name":"received_at","type":"long"}]})";
  const auto event = [](int64_t received_at) {
    return Value::Record({Value::String("1"), Value::String("PushEvent"), Value::String(kGoodTime),
                          Value::Long(received_at)});
  };
  const auto received = [](const EventBatch& batch, int64_t row) {
    return At<arrow::TimestampArray>(*batch.events, "ingestion_timestamp", row);
  };
  constexpr TimestampMicros kLast = 253'402'300'799'999'999;  // 9999-12-31T23:59:59.999999Z
  const EventBatch batch = Decode(
      Container(kSchema, {event(0), event(kLast), event(-1), event(kLast + 1), event(INT64_MIN)}));
  ASSERT_EQ(batch.events->num_rows(), 5);
  EXPECT_EQ(received(batch, 0), 0);
  EXPECT_EQ(received(batch, 1), kLast);
  for (int64_t row = 2; row < 5; ++row) EXPECT_EQ(received(batch, row), place_.timestamp);
  EXPECT_EQ(At<arrow::Date32Array>(*batch.events, "ingestion_date", 4),
            DaysOfMicros(place_.timestamp));

  // Nor does the message itself.
  place_.timestamp = INT64_MAX;
  EXPECT_EQ(received(Decode(Container(kSchema, {event(-1)})), 0), kLast);
  MessageRows rows(trace_ids_);
  EXPECT_TRUE(rows.AddRejected({"{", "cut", "", "", INT64_MAX}, place_));
  const EventBatch rejected = rows.Finish().value();
  EXPECT_EQ(At<arrow::TimestampArray>(*rejected.rejected, "received", 0), kLast);
}

TEST_F(MessageTest, HasTheSchemaOfItsDescription) {
  std::ifstream file(std::string(OCTOLAKE_SOURCE_DIR) + "/docs/formats/avro_message.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string open = "```json\n";
  const size_t begin = text.find(open) + open.size();
  const auto schema = avro::ParseSchema(text.substr(begin, text.find("```", begin) - begin));
  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_EQ(ToJson(**schema), ToJson(*MessageSchema()));
}

TEST_F(MessageTest, RefusesRowsWithoutKeys) {
  const auto none = arrow::RecordBatch::MakeEmpty(EventSchema()).ValueOrDie();
  auto columns = none->columns();
  for (auto& column : columns) column = arrow::MakeArrayOfNull(column->type(), 1).ValueOrDie();
  const auto batch = arrow::RecordBatch::Make(EventSchema(), 1, columns);
  const auto message = EncodeMessage(*batch, std::vector<int64_t>{0}, random_);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace octolake::event
