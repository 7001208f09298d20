#include "iceberg/history_line.h"

#include <gtest/gtest.h>

#include "iceberg/expire_snapshots.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

class HistoryLineTest : public testing::Test {
 protected:
  int64_t Append() { return *table_.MustCommit(AppendFiles({}, {}))->current_snapshot_id; }
  int64_t AppendTagged(const std::string& tag) {
    return *table_.MustCommit(AppendFiles({}, {}), SetTag(tag, std::nullopt))->current_snapshot_id;
  }
  // All but the current snapshot, and those of tags.
  void Expire(const std::string& lasting_tags = "octolake.") {
    RetentionPolicy policy;
    policy.max_snapshots = policy.min_snapshots = 1;
    policy.keep_all_ms = policy.interval_ms = 1;
    policy.lasting_tags = lasting_tags;
    table_.MustCommit(ExpireSnapshots(policy));
  }
  Descent From(int64_t snapshot_id) { return CurrentCameFrom(*table_.Metadata(), snapshot_id); }

  TestTable table_;
};

TEST_F(HistoryLineTest, AKnownLineSaysItAll) {
  const int64_t first = Append();
  const int64_t second = Append();
  EXPECT_EQ(From(first), Descent::kYes);
  EXPECT_EQ(From(second), Descent::kYes);
  table_.MustCommit(RollbackTo(first));
  Append();
  EXPECT_EQ(From(first), Descent::kYes);
  EXPECT_EQ(From(second), Descent::kNo);
  EXPECT_EQ(From(7), Descent::kNo);
}

TEST_F(HistoryLineTest, AnEmptyTableCameFromNothing) { EXPECT_EQ(From(7), Descent::kNo); }

TEST_F(HistoryLineTest, ExpiriesWriteDownWhatTheyCutOff) {
  const int64_t first = AppendTagged("octolake.a");
  Append();
  const int64_t third = AppendTagged("octolake.b");
  for (int round = 0; round < 3; ++round) {
    Append();
    Append();
    Expire();
    ASSERT_EQ(table_.Metadata()->snapshots.size(), 3U);
    EXPECT_EQ(From(first), Descent::kYes) << round;
    EXPECT_EQ(From(third), Descent::kYes) << round;
  }
  // As soon as nothing is cut off any more, nothing is said of it.
  EXPECT_TRUE(table_.Metadata()->properties.contains("octolake.line"));
  table_.MustCommit(SetTag("octolake.a", std::nullopt), SetTag("octolake.b", std::nullopt));
  Append();
  Expire();
  EXPECT_FALSE(table_.Metadata()->properties.contains("octolake.line"));
}

TEST_F(HistoryLineTest, WhatTheTableWasRolledBackBehindStaysUnknown) {
  const int64_t before = Append();
  const int64_t tagged = AppendTagged("octolake.a");
  table_.MustCommit(RollbackTo(before));
  Append();
  EXPECT_EQ(From(tagged), Descent::kNo);
  Append();
  Expire();
  ASSERT_EQ(table_.Metadata()->FindSnapshot(before), nullptr);
  EXPECT_EQ(From(tagged), Descent::kUnknown);
  // Nor does a later expiry make an ancestor of it.
  Append();
  Expire();
  EXPECT_EQ(From(tagged), Descent::kUnknown);
}

TEST_F(HistoryLineTest, ARollbackBehindWhatAnExpiryWroteDownIsFound) {
  const int64_t old = AppendTagged("keep");
  const int64_t tagged = AppendTagged("octolake.a");
  Append();
  Append();
  Expire();
  EXPECT_EQ(From(tagged), Descent::kYes);
  table_.MustCommit(RollbackTo(old));
  EXPECT_EQ(From(tagged), Descent::kNo);
  Append();
  EXPECT_EQ(From(tagged), Descent::kNo);
}

TEST_F(HistoryLineTest, ExpiriesOfOthersLeaveItUnknown) {
  const int64_t tagged = AppendTagged("octolake.a");
  Append();
  Append();
  Expire("");
  EXPECT_EQ(From(tagged), Descent::kUnknown);
  EXPECT_FALSE(table_.Metadata()->properties.contains("octolake.line"));
}

TEST_F(HistoryLineTest, WhatSomebodyElseWroteThereSaysNothing) {
  const int64_t tagged = AppendTagged("octolake.a");
  Append();
  Append();
  Expire("");
  for (const char* text : {"", " ", "x 1", "99999999999999999999 1", "1"}) {
    table_.MustCommit(SetProperties({{"octolake.line", text}}));
    EXPECT_EQ(From(tagged), Descent::kUnknown) << text;
  }
}

}  // namespace
}  // namespace octolake::iceberg
