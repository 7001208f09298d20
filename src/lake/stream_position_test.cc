// Positions in partitions of a stream, as a commit of received rows moves them.
#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <string>

#include "iceberg/transaction.h"
#include "lake/position.h"
#include "lake/received_commit.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::HasSubstr;

const StreamPartition kFirst{"kafka.events", 0};
const StreamPartition kSecond{"kafka.events", 1};

class StreamPositionTest : public WarehouseTest {
 protected:
  void SetUp() override {
    WarehouseTest::SetUp();
    ASSERT_TRUE(CreateTables(*warehouse_));
  }

  // Commits one event behind the positions, as somebody who knows of these snapshots.
  Result<ReceivedReport> Commit(
      const std::vector<std::pair<StreamPartition, std::optional<int64_t>>>& partitions,
      int64_t next_offset,
      const std::map<std::string, std::optional<std::string>>& expected_properties = {}) {
    const auto commit = Must(ReceivedCommit::Begin(*warehouse_, {}, "test"));
    const event::Headers headers;
    EXPECT_TRUE(commit->Add({"collect", Uuid::RandomV4(SystemRandom()), kTestNow, "", headers,
                             R"({"id":"1","type":"T","created_at":"2015-01-01T00:00:00Z"})", 0}));
    ReceivedPosition position;
    position.expected_properties = expected_properties;
    for (const auto& [partition, snapshot] : partitions) {
      position.tags.push_back({StreamTagName(partition), snapshot});
      position.summary.merge(StreamProperties(partition, next_offset, "an id"));
    }
    return commit->Commit(position, DefaultRetention());
  }
  StreamTag Read(const StreamPartition& partition) {
    const auto bronze = Must(iceberg::LoadTableAgain(warehouse_->catalog(), BronzeEvents({})));
    return Must(ReadStreamTag(bronze, partition));
  }
  int64_t Rows() { return CountRows(BronzeEvents({})); }
};

TEST_F(StreamPositionTest, IsNothingAtFirst) {
  const StreamTag tag = Read(kFirst);
  EXPECT_EQ(tag.tagged_snapshot, std::nullopt);
  EXPECT_EQ(tag.next_offset, 0);
  EXPECT_EQ(tag.stream_id, "");
}

TEST_F(StreamPositionTest, HoldsOnlyWithThePropertiesThatAreExpected) {
  const auto conflict = Commit({{kFirst, std::nullopt}}, 7, {{"query", "4f0c"}});
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(conflict.error().message, HasSubstr("property query"));
  EXPECT_EQ(Rows(), 0);
  EXPECT_TRUE(Must(Commit({{kFirst, std::nullopt}}, 7, {{"query", std::nullopt}})).snapshot_id);
  EXPECT_EQ(Rows(), 1);
}

TEST_F(StreamPositionTest, MovesWithTheRows) {
  const auto committed = Must(Commit({{kFirst, std::nullopt}, {kSecond, std::nullopt}}, 7));
  ASSERT_TRUE(committed.snapshot_id);
  for (const StreamPartition& partition : {kFirst, kSecond}) {
    const StreamTag tag = Read(partition);
    EXPECT_EQ(tag.tagged_snapshot, committed.snapshot_id);
    EXPECT_EQ(tag.next_offset, 7);
    EXPECT_EQ(tag.stream_id, "an id");
  }
}

TEST_F(StreamPositionTest, ReadersOfDifferentPartitionsDoNotMeet) {
  const auto first = Must(Commit({{kFirst, std::nullopt}}, 7));
  const auto second = Must(Commit({{kSecond, std::nullopt}}, 9));
  EXPECT_EQ(Read(kFirst).next_offset, 7);
  EXPECT_EQ(Read(kSecond).next_offset, 9);
  EXPECT_TRUE(Commit({{kFirst, first.snapshot_id}}, 8));
  EXPECT_TRUE(Commit({{kSecond, second.snapshot_id}}, 10));
  EXPECT_EQ(Rows(), 4);
}

TEST_F(StreamPositionTest, OfTwoCommitsFromOnePlaceOneHolds) {
  const auto first = Must(Commit({{kFirst, std::nullopt}, {kSecond, std::nullopt}}, 7));
  ASSERT_TRUE(Commit({{kSecond, first.snapshot_id}}, 8));
  // Its second partition was taken further by somebody else: none of its rows come in.
  const auto late = Commit({{kFirst, first.snapshot_id}, {kSecond, first.snapshot_id}}, 8);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kCommitConflict);
  EXPECT_EQ(Read(kFirst).next_offset, 7);
  EXPECT_EQ(Rows(), 2);
}

TEST_F(StreamPositionTest, ATagThatSomebodyElseMovedIsNoPosition) {
  const auto committed = Must(Commit({{kFirst, std::nullopt}}, 7));
  iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
  transaction.Add(BronzeEvents({}), iceberg::SetTag(StreamTagName(kSecond), committed.snapshot_id));
  ASSERT_TRUE(transaction.Commit());
  const auto bronze = Must(iceberg::LoadTableAgain(warehouse_->catalog(), BronzeEvents({})));
  const auto tag = ReadStreamTag(bronze, kSecond);
  ASSERT_FALSE(tag);
  EXPECT_EQ(tag.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(tag.error().message, HasSubstr("octolake.kafka.events.1"));
}

}  // namespace
}  // namespace octolake::lake
