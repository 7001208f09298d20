// Against librdkafka's mock cluster, for the faults that a real broker cannot be made to show; the
// rest is in tests/test_kafka.py.
#include "kafka/journal_producer.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/temp_directory_for_test.h"
#include "event/message_rows.h"
#include "event/rebuild.h"
#include "io/local_file_system.h"
#include "journal/journal_for_test.h"
#include "journal/memory_segment_store_for_test.h"
#include "kafka/journal_position.h"
#include "kafka/mock_cluster_for_test.h"
#include "kafka/sent_floor.h"
#include "kafka/topics.h"

namespace octolake::kafka {
namespace {

// Of the protocol (protocol.html, "API keys").
constexpr int16_t kProduce = 0;
constexpr int16_t kListOffsets = 2;
constexpr int16_t kAddPartitionsToTxn = 24;
constexpr int16_t kEndTxn = 26;

constexpr char kTopic[] = "events";

class JournalProducerTest : public testing::Test {
 protected:
  JournalProducerTest() {
    options_.client.bootstrap_servers = cluster_.bootstrap_servers();
    options_.client.request_timeout = std::chrono::seconds(2);
    // The mock describes no topics.
    options_.client.describe_timeout = std::chrono::milliseconds(10);
    options_.topic = kTopic;
    options_.max_records = 10;
    journal_ = journal::OpenJournal(store_, journal::SmallSegments(1 << 20));
  }

  void PutEvents(int count) {
    for (int i = 0; i < count; ++i) {
      journal::Record record;
      record.source = "collect";
      record.body = R"({"id":")" + std::to_string(++last_id_) +
                    R"(","type":"PushEvent","created_at":"2015-01-01T00:00:00Z"})";
      ASSERT_TRUE(journal_->AppendAndWait(std::move(record)));
    }
  }
  std::optional<SentPosition> LastPosition() {
    const auto found =
        ReadJournalPosition(options_.client, PositionsTopic(kTopic), journal_->uuid(), logger_);
    EXPECT_TRUE(found) << found.error().message;
    return found ? found->sent : std::nullopt;
  }
  // A position of the journal, as of the one who sent the last one.
  void PutPosition(uint64_t sequence) {
    const auto last = LastPosition();
    ASSERT_TRUE(last);
    PutPositionOf(last->sender, sequence);
  }
  void PutPositionOf(const std::string& sender, uint64_t sequence) {
    PutPositions(options_.client, PositionsTopic(kTopic), journal_->uuid(), sequence, sequence,
                 sender);
  }
  // As a person would.
  void RemoveTheStop() {
    const std::string file = temp_.path() + "/kafka.stopped";
    ASSERT_TRUE(files_->Stat(file));
    ASSERT_TRUE(files_->Remove(file));
  }
  auto Producer() { return MakeJournalProducer(*journal_, options_, random_, metrics_, logger_); }

  // The ids of all events on the topic. The mock keeps what is of aborted transactions, too.
  std::multiset<int> IdsOnTheTopic() {
    const auto consumer =
        Client::Make(RD_KAFKA_CONSUMER, options_.client,
                     {{"group.id", "test"}, {"enable.partition.eof", "true"}}, logger_);
    EXPECT_TRUE(consumer) << consumer.error().message;
    const RdPartitions partitions(rd_kafka_topic_partition_list_new(2));
    for (int32_t i = 0; i < 2; ++i) {
      rd_kafka_topic_partition_list_add(partitions.get(), kTopic, i)->offset = 0;
    }
    rd_kafka_assign((*consumer)->get(), partitions.get());
    UuidV7Generator trace_ids(SystemClock(), random_);
    event::MessageRows rows(trace_ids);
    for (int ended = 0; ended < 2;) {
      const RdMessage message(rd_kafka_consumer_poll((*consumer)->get(), 20'000));
      if (message == nullptr) {
        ADD_FAILURE() << "no message and no end";
        break;
      }
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        ++ended;
      } else {
        EXPECT_EQ(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
        EXPECT_TRUE(rows.Add({static_cast<const char*>(message->payload), message->len}, {}));
      }
    }
    const event::EventBatch batch = rows.Finish().value();
    EXPECT_EQ(batch.rejected->num_rows(), 0);
    std::multiset<int> ids;
    for (int64_t i = 0; i < batch.events->num_rows(); ++i) {
      ids.insert(std::stoi(std::string(*event::EventRowAt(*batch.events, i).id)));
    }
    return ids;
  }
  std::multiset<int> IdsUpTo(int last) {
    std::multiset<int> ids;
    for (int id = 1; id <= last; ++id) ids.insert(id);
    return ids;
  }

  SeededRandom random_{3};
  Logger logger_ = MakeNullLogger();
  MockCluster cluster_{{{kTopic, 2}, {RejectedTopic(kTopic), 1}, {PositionsTopic(kTopic), 1}}};
  const TempDirectory temp_;
  const std::unique_ptr<io::FileSystem> files_ = io::MakeLocalFileSystem();
  journal::MemorySegmentStore store_;
  std::unique_ptr<journal::Journal> journal_;
  ProducerOptions options_;
  SendMetrics metrics_;
  int last_id_ = 0;
};

TEST_F(JournalProducerTest, SendsEveryEventOnceThroughProduceErrors) {
  PutEvents(60);
  // Every fifth answer to a produce request is an error that says to try again.
  std::vector<rd_kafka_resp_err_t> errors(500, RD_KAFKA_RESP_ERR_NO_ERROR);
  for (size_t i = 0; i < errors.size(); i += 5) {
    errors[i] = i % 2 == 0 ? RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS
                           : RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
  }
  rd_kafka_mock_push_request_errors_array(cluster_.get(), kProduce, errors.size(), errors.data());
  const auto producer = Producer();
  int64_t events = 0;
  while (producer->position() < 60) {
    const auto report = producer->CommitNext();
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_GT(report->last_sequence, 0u);
    events += report->events;
  }
  EXPECT_EQ(events, 60);
  EXPECT_EQ(IdsOnTheTopic(), IdsUpTo(60));
  EXPECT_EQ(metrics_.Figures().batches, 6);
  EXPECT_EQ(metrics_.Figures().reconnects, 1);
}

TEST_F(JournalProducerTest, GoesOnBehindWhatKafkaHas) {
  PutEvents(15);
  {
    const auto producer = Producer();
    ASSERT_TRUE(producer->CommitNext());
    EXPECT_EQ(producer->position(), 10u);
  }
  const auto producer = Producer();
  const auto report = producer->CommitNext();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->first_sequence, 11u);
  EXPECT_EQ(report->last_sequence, 15u);
  const auto nothing = producer->CommitNext();
  ASSERT_TRUE(nothing) << nothing.error().message;
  EXPECT_EQ(nothing->last_sequence, 0u);
  EXPECT_EQ(IdsOnTheTopic(), IdsUpTo(15));
}

TEST_F(JournalProducerTest, SaysThatATransactionFailedAndSendsItAgain) {
  PutEvents(5);
  const auto producer = Producer();
  ASSERT_TRUE(producer->CommitNext());  // connects, and has the transactions' coordinator
  PutEvents(5);
  rd_kafka_mock_push_request_errors(cluster_.get(), kEndTxn, 1,
                                    RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  const auto failed = producer->CommitNext();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kTransient);
  EXPECT_NE(failed.error().message.find("committing a transaction"), std::string::npos)
      << failed.error().message;
  EXPECT_EQ(producer->position(), 5u);
  PutPosition(5);  // what committed readers see; the mock shows them the aborted one, too
  const auto again = producer->CommitNext();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->first_sequence, 6u);
  EXPECT_EQ(producer->position(), 10u);
}

TEST_F(JournalProducerTest, SendsAsManyMessagesAsABatchHas) {
  options_.max_message_bytes = 8;
  PutEvents(1);
  const auto producer = Producer();
  ASSERT_TRUE(producer->CommitNext());
  // None leaves before the coordinator has answered.
  rd_kafka_mock_broker_set_rtt(cluster_.get(), -1, 1000);
  journal::Record record;
  record.source = "collect";
  record.body = std::string(900'000, '#');
  ASSERT_TRUE(journal_->AppendAndWait(std::move(record)));
  const auto report = producer->CommitNext();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->rejected, 1);
  EXPECT_EQ(producer->position(), 2u);
}

// A link so slow that a transaction of the usual size cannot be sent in its time.
TEST_F(JournalProducerTest, SendsLessAfterATransactionThatTookTooLong) {
  options_.transaction_timeout = std::chrono::seconds(4);
  options_.max_records = 40;
  options_.max_bytes = int64_t{64} << 20;
  PutEvents(1);
  const auto producer = Producer();
  ASSERT_TRUE(producer->CommitNext());
  for (int i = 0; i < 80; ++i) {
    journal::Record record;
    record.source = "collect";
    record.body = std::string(900'000, '#');
    ASSERT_TRUE(journal_->AppendAndWait(std::move(record)));
  }
  // A request has one of these, and five are under way at a time: eight times 0.8 s, and the
  // coordinator's answers.
  rd_kafka_mock_broker_set_rtt(cluster_.get(), -1, 800);
  const auto failed = producer->CommitNext();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kTransient) << failed.error().message;
  rd_kafka_mock_broker_set_rtt(cluster_.get(), -1, 0);
  PutPosition(1);  // what committed readers see
  // Half as much is in time, and as much as before would not be. Then the link is fast again.
  rd_kafka_mock_broker_push_request_error_rtts(cluster_.get(), 1, kEndTxn, 1,
                                               RD_KAFKA_RESP_ERR_NO_ERROR, 2000);
  std::vector<uint64_t> ends;
  while (ends.empty() || ends.back() < 81) {
    const auto report = producer->CommitNext();
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_GT(report->last_sequence, 0u);
    ends.push_back(report->last_sequence);
  }
  EXPECT_EQ(ends, (std::vector<uint64_t>{21, 41, 81}));
}

// The commit holds, and nobody learns of it.
TEST_F(JournalProducerTest, GoesOnBehindACommitWhoseAnswerWasLost) {
  options_.transaction_timeout = std::chrono::seconds(3);
  PutEvents(25);
  const auto producer = Producer();
  ASSERT_TRUE(producer->CommitNext());
  rd_kafka_mock_broker_push_request_error_rtts(cluster_.get(), 1, kEndTxn, 1,
                                               RD_KAFKA_RESP_ERR_NO_ERROR, 60'000);
  const auto lost = producer->CommitNext();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kTransient);
  EXPECT_EQ(producer->position(), 10u);
  const auto report = producer->CommitNext();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->first_sequence, 21u);
  EXPECT_EQ(report->last_sequence, 25u);
  EXPECT_EQ(IdsOnTheTopic(), IdsUpTo(25));
}

// A coordinator that ends a transaction for its age answers like that, too. The answer comes while
// messages are still given to the client.
TEST_F(JournalProducerTest, GoesOnAfterAFenceIfNobodyElseHasSent) {
  PutEvents(1);
  options_.max_message_bytes = 64;
  const auto producer = Producer();
  ASSERT_TRUE(producer->CommitNext());
  // In such small parts it takes the client longer than the coordinator's answer.
  for (int i = 0; i < 5; ++i) {
    journal::Record record;
    record.source = "collect";
    record.body = std::string(900'000, '#');
    ASSERT_TRUE(journal_->AppendAndWait(std::move(record)));
  }
  const std::vector<rd_kafka_resp_err_t> fenced(100, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
  rd_kafka_mock_push_request_errors_array(cluster_.get(), kAddPartitionsToTxn, fenced.size(),
                                          fenced.data());
  const auto fence = producer->CommitNext();
  ASSERT_FALSE(fence);
  EXPECT_EQ(fence.error().kind, ErrorKind::kTransient);
  EXPECT_NE(fence.error().message.find("another producer of this journal has begun"),
            std::string::npos)
      << fence.error().message;
  rd_kafka_mock_clear_request_errors(cluster_.get(), kAddPartitionsToTxn);
  const auto report = producer->CommitNext();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->first_sequence, 2u);
  EXPECT_EQ(report->rejected, 5);
  EXPECT_EQ(producer->position(), 6u);
}

// Records that were acknowledged, and are in Kafka under no number: those are another one's.
TEST_F(JournalProducerTest, StopsWhereAnotherHasSentAndLosesNothing) {
  options_.journal_directory = temp_.path();
  PutEvents(20);
  auto producer = Producer();
  ASSERT_TRUE(producer->CommitNext());
  const auto first = LastPosition();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->sequence, 10u);
  EXPECT_EQ(first->sender.size(), 36u);
  rd_kafka_mock_push_request_errors(cluster_.get(), kEndTxn, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
  ASSERT_FALSE(producer->CommitNext());
  PutPositionOf("another one", 12);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto report = producer->CommitNext();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, ErrorKind::kInvalidArgument) << report.error().message;
    EXPECT_NE(report.error().message.find("sent by another producer"), std::string::npos)
        << report.error().message;
    EXPECT_NE(report.error().message.find("behind record 10,"), std::string::npos)
        << report.error().message;
  }
  EXPECT_EQ(producer->position(), 10u);
  // Also of those who start later, as long as nobody says that it may go on.
  for (int start = 0; start < 2; ++start) {
    producer = Producer();
    const auto report = producer->CommitNext();
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find("sent by another producer"), std::string::npos)
        << report.error().message;
    EXPECT_NE(report.error().message.find(temp_.path() + "/kafka.stopped"), std::string::npos)
        << report.error().message;
  }
  RemoveTheStop();
  // What the position in Kafka means now outlives a producer that could not send.
  producer = Producer();
  rd_kafka_mock_push_request_errors(cluster_.get(), kAddPartitionsToTxn, 1,
                                    RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  ASSERT_FALSE(producer->CommitNext());
  producer = Producer();
  const auto report = producer->CommitNext();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->first_sequence, 11u);
}

// Durable before its first transaction, of which it may never learn.
TEST_F(JournalProducerTest, KnowsWhatTheOneBeforeItHasSent) {
  options_.journal_directory = temp_.path();
  PutEvents(30);
  ASSERT_TRUE(Producer()->CommitNext());
  const auto first = LastPosition();
  ASSERT_TRUE(first);
  std::string sender;
  {
    const auto producer = Producer();
    rd_kafka_mock_push_request_errors(cluster_.get(), kAddPartitionsToTxn, 1,
                                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    ASSERT_FALSE(producer->CommitNext());
    const auto noted = SentFloorFile(*files_, temp_.path(), journal_->uuid()).Read().value();
    ASSERT_TRUE(noted);
    EXPECT_EQ(noted->seen, first);
    EXPECT_EQ(noted->sequence, 10u);
    sender = noted->noted_by;
  }
  EXPECT_NE(sender, first->sender);
  PutPositionOf(sender, 20);
  const auto producer = Producer();
  const auto report = producer->CommitNext();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->first_sequence, 21u);
}

TEST_F(JournalProducerTest, NotesWhatIsCommitted) {
  options_.journal_directory = temp_.path();
  PutEvents(25);
  {
    const auto producer = Producer();
    EXPECT_EQ(producer->position_at_least(), 0u);
    ASSERT_TRUE(producer->CommitNext());
    rd_kafka_mock_push_request_errors(cluster_.get(), kEndTxn, 1,
                                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    ASSERT_FALSE(producer->CommitNext());
  }
  const auto noted = SentFloorFile(*files_, temp_.path(), journal_->uuid()).Read().value();
  ASSERT_TRUE(noted);
  EXPECT_EQ(noted->topic, kTopic);
  EXPECT_EQ(noted->sequence, 10u);
  // Nothing is let go of for what was noted.
  EXPECT_EQ(Producer()->position(), 0u);
  EXPECT_EQ(Producer()->position_at_least(), 10u);
  options_.topic = "another";
  EXPECT_EQ(Producer()->position_at_least(), 0u);
}

TEST_F(JournalProducerTest, NotesEachTransactionThatNothingWaitsBehind) {
  options_.journal_directory = temp_.path();
  const auto producer = Producer();
  int64_t end = 0;
  for (const uint64_t sequence : {1, 2, 3}) {
    PutEvents(1);
    ASSERT_TRUE(producer->CommitNext());
    const auto noted = SentFloorFile(*files_, temp_.path(), journal_->uuid()).Read().value();
    ASSERT_TRUE(noted);
    EXPECT_EQ(noted->sequence, sequence);
    EXPECT_GT(noted->messages_end, end);
    end = noted->messages_end;
  }
}

// As where the disk is full, and only sending makes room.
TEST_F(JournalProducerTest, ConnectsAgainWhereNothingCanBeNoted) {
  options_.journal_directory = temp_.path();
  PutEvents(1);
  const auto producer = Producer();
  ASSERT_TRUE(producer->CommitNext());
  // The names that its notes would have.
  for (int number = 1; number < 100; ++number) {
    const std::string name = temp_.path() + "/kafka." + std::to_string(number);
    if (!std::filesystem::exists(name)) std::filesystem::create_directory(name);
  }
  PutEvents(1);
  const auto sent = producer->CommitNext();
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->warnings.size(), 1u);
  PutEvents(1);
  rd_kafka_mock_push_request_errors(cluster_.get(), kAddPartitionsToTxn, 1,
                                    RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  ASSERT_FALSE(producer->CommitNext());
  const auto again = producer->CommitNext();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(producer->position(), 3u);
  // Nobody would know a new one.
  EXPECT_EQ(Producer()->CommitNext().error().kind, ErrorKind::kAlreadyExists);
}

// A partition without a leader has no end, for as long as that lasts.
TEST_F(JournalProducerTest, ANoteDoesNotWaitLongForTheEndsOfPartitions) {
  options_.journal_directory = temp_.path();
  options_.client.request_timeout = std::chrono::seconds(60);
  PutEvents(1);
  const auto producer = Producer();
  ASSERT_TRUE(producer->CommitNext());
  const auto before = SentFloorFile(*files_, temp_.path(), journal_->uuid()).Read().value();
  ASSERT_TRUE(before);
  rd_kafka_mock_broker_push_request_error_rtts(cluster_.get(), 1, kListOffsets, 1,
                                               RD_KAFKA_RESP_ERR_NO_ERROR, 30'000);
  PutEvents(1);
  ASSERT_TRUE(producer->CommitNext());
  const auto after = SentFloorFile(*files_, temp_.path(), journal_->uuid()).Read().value();
  ASSERT_TRUE(after);
  EXPECT_EQ(after->sequence, 2u);
  EXPECT_EQ(after->messages_end, before->messages_end);
}

TEST_F(JournalProducerTest, AClusterThatIsAwayIsAnErrorOfTheAttempt) {
  PutEvents(1);
  rd_kafka_mock_broker_set_down(cluster_.get(), 1);
  options_.client.request_timeout = std::chrono::seconds(1);
  const auto producer = Producer();
  EXPECT_EQ(producer->position(), 0u);
  const auto report = producer->CommitNext();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kTransient);
  rd_kafka_mock_broker_set_up(cluster_.get(), 1);
  options_.client.request_timeout = std::chrono::seconds(2);
  const auto again = Producer()->CommitNext();
  EXPECT_TRUE(again) << again.error().message;
}

TEST_F(JournalProducerTest, ASettingThatIsRefusedIsNamedWithoutSecrets) {
  options_.client.security_protocol = "smoke signals";
  const auto report = Producer()->CommitNext();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(report.error().message.find("security.protocol"), std::string::npos);
}

}  // namespace
}  // namespace octolake::kafka
