#include "kafka/journal_position.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "kafka/mock_cluster_for_test.h"

namespace octolake::kafka {
namespace {

constexpr char kTopic[] = "events.positions";

TEST(JournalPositionTest, IsReadAsItWasWritten) {
  for (const SentPosition& position : {SentPosition{0, ""}, SentPosition{UINT64_MAX, "an id"}}) {
    EXPECT_EQ(DecodePosition(EncodePosition(position)).value(), position);
  }
  EXPECT_EQ(DecodePosition(R"({"sequence":7})").value(), (SentPosition{7, ""}));
  for (const char* text : {"", "{}", "7", R"({"sequence":-1})", R"({"sequence":"1"})", "{",
                           R"({"sequence":1,"sender":2})"}) {
    EXPECT_FALSE(DecodePosition(text)) << text;
  }
}

class ReadPositionTest : public testing::Test {
 protected:
  ReadPositionTest() { options_.bootstrap_servers = cluster_.bootstrap_servers(); }

  SeededRandom random_{7};
  const Uuid journal_ = UuidV7Generator(SystemClock(), random_).Next();
  const Logger logger_ = MakeNullLogger();
  MockCluster cluster_{{{kTopic, 1}}};
  ClientOptions options_;
};

TEST_F(ReadPositionTest, TakesItsTimeWhileSomethingComes) {
  PutPositions(options_, kTopic, journal_, 1, 15, "a sender");
  rd_kafka_mock_broker_set_rtt(cluster_.get(), -1, 300);
  const auto began = std::chrono::steady_clock::now();
  const PositionWaits waits{std::chrono::milliseconds(2'500), std::chrono::milliseconds(2'000)};
  const auto found = ReadJournalPosition(options_, kTopic, journal_, logger_, waits);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->sent, (SentPosition{15, "a sender"}));
  EXPECT_FALSE(found->left_open);
  // Else this would show nothing.
  EXPECT_GT(std::chrono::steady_clock::now() - began, 2 * waits.longest_transaction);
}

}  // namespace
}  // namespace octolake::kafka
