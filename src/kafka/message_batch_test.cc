#include "kafka/message_batch.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "event/message_rows.h"
#include "event/message_writer.h"
#include "event/rebuild.h"

namespace octolake::kafka {
namespace {

constexpr TimestampMicros kNow = 1'767'323'045'000'006;

std::string Event(int id, int repository, const std::string& filler = "") {
  return R"({"id":")" + std::to_string(id) + R"(","type":"PushEvent","repo":{"id":)" +
         std::to_string(repository) + R"(,"name":"a/b"},"payload":{"f":")" + filler +
         R"("},"created_at":"2015-01-01T00:00:00Z"})";
}

// Bytes that do not compress.
std::string Noise(size_t size, uint64_t seed) {
  SeededRandom random(seed);
  std::string text;
  while (text.size() < size) text += std::to_string(random.Next());
  return text.substr(0, size);
}

class MessageBatchTest : public testing::Test {
 protected:
  void Add(std::string body, const std::string& source = "collect") {
    journal::Record record;
    record.trace_id = trace_ids_.Next();
    record.received_at = kNow;
    record.source = source;
    record.body = std::move(body);
    EXPECT_TRUE(encoder_.Add(record, ++sequence_));
  }
  MessageBatch Finish(const BatchLimits& limits) {
    auto batch = encoder_.Finish(limits);
    EXPECT_TRUE(batch) << batch.error().message;
    return *std::move(batch);
  }
  std::vector<std::string> IdsIn(const OutgoingMessage& message) {
    event::MessageRows rows(trace_ids_);
    EXPECT_TRUE(rows.Add(message.value, {}));
    const event::EventBatch batch = rows.Finish().value();
    EXPECT_EQ(batch.rejected->num_rows(), 0);
    std::vector<std::string> ids;
    for (int64_t i = 0; i < batch.events->num_rows(); ++i) {
      ids.emplace_back(*event::EventRowAt(*batch.events, i).id);
    }
    return ids;
  }
  static std::map<std::string, std::string> HeadersOf(const OutgoingMessage& message) {
    return {message.headers.begin(), message.headers.end()};
  }

  ManualClock clock_{kNow};
  SeededRandom random_{5};
  UuidV7Generator trace_ids_{clock_, random_};
  BatchEncoder encoder_{"test", random_};
  uint64_t sequence_ = 0;
};

TEST_F(MessageBatchTest, PutsARepositorysEventsIntoOnePartitionInTheirOrder) {
  for (int id = 0; id < 60; ++id) Add(Event(id, id % 10));
  const MessageBatch batch = Finish({.partitions = 3});
  EXPECT_EQ(batch.events, 60);
  std::map<int, int32_t> partition_of;
  std::set<int32_t> partitions;
  int events = 0;
  for (const OutgoingMessage& message : batch.messages) {
    EXPECT_FALSE(message.rejected);
    EXPECT_TRUE(partitions.insert(message.partition).second) << "two containers of one partition";
    int last = -1;
    for (const std::string& id : IdsIn(message)) {
      EXPECT_LT(last, std::stoi(id));
      last = std::stoi(id);
      const auto [known, is_new] = partition_of.emplace(last % 10, message.partition);
      EXPECT_EQ(known->second, message.partition);
      ++events;
    }
  }
  EXPECT_EQ(events, 60);
  EXPECT_GT(partitions.size(), 1u);
}

TEST_F(MessageBatchTest, FallsBackToTheNameAndTheIdOfAnEvent) {
  Add(R"({"id":"1","type":"T","repo":{"name":"a/b"},"created_at":"2015-01-01T00:00:00Z"})");
  Add(R"({"id":"2","type":"T","created_at":"2015-01-01T00:00:00Z"})");
  const MessageBatch batch = Finish({.partitions = 1'000'003});
  ASSERT_EQ(batch.messages.size(), 2u);
  std::set<int32_t> partitions;
  for (const auto& message : batch.messages) partitions.insert(message.partition);
  EXPECT_TRUE(partitions.contains(PartitionOf("a/b", 1'000'003)));
  EXPECT_TRUE(partitions.contains(PartitionOf("2", 1'000'003)));
}

TEST_F(MessageBatchTest, SplitsWhatIsLargerThanAMessage) {
  for (int id = 0; id < 40; ++id) Add(Event(id, 1, Noise(2000, static_cast<uint64_t>(id))));
  const MessageBatch batch = Finish({.max_event_message = 10'000});
  EXPECT_EQ(batch.too_large, 0);
  EXPECT_GT(batch.messages.size(), 4u);
  std::vector<std::string> ids;
  for (const OutgoingMessage& message : batch.messages) {
    EXPECT_LE(message.value.size(), 10'000u);
    for (std::string& id : IdsIn(message)) ids.push_back(std::move(id));
  }
  ASSERT_EQ(ids.size(), 40u);
  for (int id = 0; id < 40; ++id) EXPECT_EQ(ids[static_cast<size_t>(id)], std::to_string(id));
}

TEST_F(MessageBatchTest, SendsAnEventThatNoMessageHoldsInParts) {
  Add(Event(1, 1));
  Add(Event(2, 1, Noise(50'000, 1)));
  Add(Event(3, 1));
  const MessageBatch batch = Finish({.max_event_message = 8000, .max_rejected_message = 9000});
  EXPECT_EQ(batch.events, 2);
  EXPECT_EQ(batch.too_large, 1);
  std::string document;
  int64_t parts = 0;
  for (const OutgoingMessage& message : batch.messages) {
    if (!message.rejected) continue;
    ++parts;
    EXPECT_LE(message.value.size(), 9000u);
    document += message.value;
    const auto headers = HeadersOf(message);
    EXPECT_EQ(headers.at(kPartHeader), std::to_string(parts) + "/6");
    EXPECT_NE(headers.at(kReasonHeader).find("where the topic takes 8000"), std::string::npos);
  }
  EXPECT_EQ(parts, 6);
  EXPECT_NE(document.find(Noise(50'000, 1)), std::string::npos);
}

// Every field, so that a record has as many values as it can have.
std::string FullEvent(int id) {
  return R"({"id":")" + std::to_string(id) +
         R"(","type":"PushEvent","actor":{"id":1,"login":"a","gravatar_id":"","url":"u",)"
         R"("avatar_url":"v"},"repo":{"id":1,"name":"a/b","url":"u"},"payload":{},"public":true,)"
         R"("created_at":"2015-01-01T00:00:00Z","org":{"id":1,"login":"o"},"more":1})";
}

TEST_F(MessageBatchTest, MakesNoContainerThatIngestRejects) {
  const int events = static_cast<int>(event::MessageLimits().records);
  for (int id = 0; id < events; ++id) Add(FullEvent(id));
  const MessageBatch batch = Finish({.max_event_message = 100'000'000});
  int next = 0;
  for (const OutgoingMessage& message : batch.messages) {
    for (const std::string& id : IdsIn(message)) EXPECT_EQ(id, std::to_string(next++));
  }
  EXPECT_EQ(next, events);
}

TEST_F(MessageBatchTest, KeepsToEachOfAReadersLimits) {
  const event::MessageLimits limits[] = {{.records = 8},
                                         {.values = 8 * event::MessageLoad::kValuesOfRecord},
                                         {.total_bytes = 40'000},
                                         {.block_bytes = 300'000}};
  for (const event::MessageLimits& most : limits) {
    const bool of_blocks = most.block_bytes == 300'000;
    for (int id = 0; id < 40; ++id) {
      Add(Event(id, 1, std::string(of_blocks && id == 7 ? 400'000 : 2'000, 'x')));
    }
    const MessageBatch batch = Finish({.readers = most});
    int events = 0;
    for (const OutgoingMessage& message : batch.messages) {
      if (message.rejected) continue;
      event::MessageRows rows(trace_ids_, most);
      ASSERT_TRUE(rows.Add(message.value, {}));
      const event::EventBatch read = rows.Finish().value();
      EXPECT_EQ(read.rejected->num_rows(), 0);
      events += static_cast<int>(read.events->num_rows());
    }
    EXPECT_EQ(batch.too_large, of_blocks ? 1 : 0);
    EXPECT_EQ(events + batch.too_large, 40);
    EXPECT_GT(batch.messages.size(), 1u);
  }
}

TEST_F(MessageBatchTest, SendsWhatIsNoEventAsItIs) {
  Add("{\"type\":1}", "webhook");
  Add("");
  const MessageBatch batch = Finish({});
  EXPECT_EQ(batch.rejected, 2);
  ASSERT_EQ(batch.messages.size(), 2u);
  EXPECT_EQ(batch.messages[0].value, "{\"type\":1}");
  const auto headers = HeadersOf(batch.messages[0]);
  EXPECT_EQ(headers.at(kReasonHeader), "no X-GitHub-Event");
  EXPECT_EQ(headers.at(kSourceHeader), "webhook");
  EXPECT_EQ(headers.at(kReceivedAtHeader), std::to_string(kNow));
  EXPECT_TRUE(Uuid::Parse(headers.at(kTraceIdHeader)));
  EXPECT_FALSE(headers.contains(kPartHeader));
  EXPECT_EQ(batch.messages[1].value, "");
}

TEST_F(MessageBatchTest, HasMessagesWithoutAnything) {
  const OutgoingMessage events = EmptyMessage(false, 2, random_).value();
  EXPECT_EQ(events.partition, 2);
  EXPECT_TRUE(IdsIn(events).empty());
  const OutgoingMessage rejected = EmptyMessage(true, 0, random_).value();
  EXPECT_TRUE(rejected.rejected);
  EXPECT_EQ(rejected.value, "");
  EXPECT_TRUE(HeadersOf(rejected).contains(kNothingHeader));
}

}  // namespace
}  // namespace octolake::kafka
