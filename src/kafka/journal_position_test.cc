#include "kafka/journal_position.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka_mock.h>

#include <string>

#include "base/clock.h"
#include "base/random.h"

namespace octolake::kafka {
namespace {

constexpr char kTopic[] = "events.positions";

TEST(JournalPositionTest, IsReadAsItWasWritten) {
  EXPECT_EQ(DecodePosition(EncodePosition(0)).value(), 0u);
  EXPECT_EQ(DecodePosition(EncodePosition(UINT64_MAX)).value(), UINT64_MAX);
  for (const char* text : {"", "{}", "7", R"({"sequence":-1})", R"({"sequence":"1"})", "{"}) {
    EXPECT_FALSE(DecodePosition(text)) << text;
  }
}

class ReadPositionTest : public testing::Test {
 protected:
  ReadPositionTest() {
    char text[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
    handle_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text));
    cluster_ = rd_kafka_mock_cluster_new(handle_.get(), 1);
    rd_kafka_mock_topic_create(cluster_, kTopic, 1, 1);
    options_.bootstrap_servers = rd_kafka_mock_cluster_bootstraps(cluster_);
  }
  ~ReadPositionTest() override { rd_kafka_mock_cluster_destroy(cluster_); }

  // The positions 1 to `last`, each of which the mock answers a fetch of its own with.
  void PutPositions(uint64_t last) {
    const auto client = Client::Make(RD_KAFKA_PRODUCER, options_, {{"linger.ms", "0"}}, logger_);
    ASSERT_TRUE(client) << client.error().message;
    const std::string key = journal_.ToString();
    for (uint64_t sequence = 1; sequence <= last; ++sequence) {
      std::string value = EncodePosition(sequence);
      ASSERT_EQ(rd_kafka_producev((*client)->get(), RD_KAFKA_V_TOPIC(kTopic),
                                  RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY(key.data(), key.size()),
                                  RD_KAFKA_V_VALUE(value.data(), value.size()),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                RD_KAFKA_RESP_ERR_NO_ERROR);
      ASSERT_EQ(rd_kafka_flush((*client)->get(), 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    }
  }

  SeededRandom random_{7};
  const Uuid journal_ = UuidV7Generator(SystemClock(), random_).Next();
  const Logger logger_ = MakeNullLogger();
  RdClient handle_;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  ClientOptions options_;
};

TEST_F(ReadPositionTest, TakesItsTimeWhileSomethingComes) {
  PutPositions(15);
  rd_kafka_mock_broker_set_rtt(cluster_, -1, 300);
  const auto began = std::chrono::steady_clock::now();
  const PositionWaits waits{std::chrono::milliseconds(2'500), std::chrono::milliseconds(2'000)};
  const auto found = ReadJournalPosition(options_, kTopic, journal_, logger_, waits);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->sequence, 15u);
  EXPECT_FALSE(found->left_open);
  // Else this would show nothing.
  EXPECT_GT(std::chrono::steady_clock::now() - began, 2 * waits.longest_transaction);
}

}  // namespace
}  // namespace octolake::kafka
