#include "iceberg/expire_snapshots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "iceberg/retention_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kNow = 1'700'000'000'000;

// A line of snapshots; ids and sequence numbers count from 1, oldest first. Some are of streams.
TableMetadata History(const std::vector<int64_t>& ages,
                      const std::map<int64_t, std::string>& streams = {}) {
  TableMetadata metadata;
  metadata.location = "/t";
  for (size_t i = 0; i < ages.size(); ++i) {
    Snapshot snapshot;
    snapshot.snapshot_id = static_cast<int64_t>(i) + 1;
    snapshot.sequence_number = snapshot.snapshot_id;
    if (i > 0) snapshot.parent_snapshot_id = static_cast<int64_t>(i);
    snapshot.timestamp_ms = kNow - ages[i];
    const auto stream = streams.find(snapshot.snapshot_id);
    if (stream != streams.end()) snapshot.summary["spark.sql.streaming.queryId"] = stream->second;
    metadata.snapshots.push_back(snapshot);
    metadata.snapshot_log.push_back({snapshot.timestamp_ms, snapshot.snapshot_id});
  }
  metadata.current_snapshot_id = static_cast<int64_t>(ages.size());
  metadata.refs["main"].snapshot_id = *metadata.current_snapshot_id;
  metadata.refs["main"].is_branch = true;
  return metadata;
}

// The ages at which every snapshot of a run of commits is, oldest first.
std::vector<int64_t> Every(int64_t interval, int64_t count) {
  std::vector<int64_t> ages;
  for (int64_t i = count - 1; i >= 0; --i) ages.push_back(i * interval);
  return ages;
}

std::set<int64_t> Kept(TableMetadata metadata, const RetentionPolicy& policy) {
  const auto expiry = PlanExpiry(metadata, policy, kNow);
  EXPECT_TRUE(expiry) << expiry.error().message;
  RemoveSnapshots(metadata, expiry->snapshots);
  std::set<int64_t> ids;
  for (const Snapshot& snapshot : metadata.snapshots) ids.insert(snapshot.snapshot_id);
  return ids;
}

std::set<int64_t> Range(int64_t first, int64_t last) {
  std::set<int64_t> ids;
  for (int64_t id = first; id <= last; ++id) ids.insert(id);
  return ids;
}

TEST(PlanExpiryTest, DoesNothingWhileThereIsLittleToGain) {
  // Nine older than an hour in one interval, of which eight could go; ten are worth it.
  std::vector<int64_t> ages(9, 2 * kHour);
  ages.push_back(0);
  EXPECT_EQ(Kept(History(ages), KeepAtMost(100)), Range(1, 10));
  ages.insert(ages.begin(), 2, 2 * kHour);
  EXPECT_EQ(Kept(History(ages), KeepAtMost(100)), (std::set<int64_t>{11, 12}));
}

TEST(PlanExpiryTest, KeepsTheLastOfEachHourBeyondTheLastHour) {
  // Every ten minutes for a day: six an hour.
  const TableMetadata metadata = History(Every(10 * kMinute, 144));
  std::set<int64_t> expected;
  std::map<int64_t, int64_t> last;
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (snapshot.timestamp_ms >= kNow - kHour) {
      expected.insert(snapshot.snapshot_id);
    } else {
      last[snapshot.timestamp_ms / kHour] = snapshot.snapshot_id;
    }
  }
  for (const auto& [hour, id] : last) expected.insert(id);
  EXPECT_EQ(expected.size(), 7U + 24U);
  EXPECT_EQ(Kept(metadata, KeepAtMost(100)), expected);
  // What is thinned is not thinned further.
  EXPECT_EQ(Kept(metadata, KeepAtMost(1000)), expected);
}

TEST(PlanExpiryTest, ExpiresByAgeButForTheNewest) {
  RetentionPolicy policy = KeepAtMost(500);
  policy.min_snapshots = 5;
  EXPECT_EQ(Kept(History({10 * kDay, 9 * kDay, 8 * kDay, 2 * kDay, kDay, 0}), policy), Range(2, 6));
  policy.min_snapshots = 1;
  EXPECT_EQ(Kept(History({10 * kDay, 9 * kDay, 8 * kDay, 2 * kDay, kDay, 0}), policy), Range(4, 6));
}

// A clock that was set back makes nothing older than it is; one that is put right after it was
// ahead finds snapshots of the future, which are young, and still bounded in number.
TEST(PlanExpiryTest, AClockThatWasSetExpiresNothingEarly) {
  RetentionPolicy policy = KeepAtMost(1'000);
  TableMetadata metadata = History(Every(kMinute, 30));
  for (const int64_t now : {kNow - kHour, kNow - 365 * kDay, int64_t{0}}) {
    const auto expiry = PlanExpiry(metadata, policy, now);
    ASSERT_TRUE(expiry) << expiry.error().message;
    EXPECT_THAT(expiry->snapshots, IsEmpty()) << now;
  }
  std::vector<int64_t> ages = Every(kHour, 5);
  for (int i = 0; i < 20; ++i) ages.push_back(-365 * kDay);  // commits while it was ahead
  EXPECT_EQ(Kept(History(ages), policy), Range(1, 25));
  const auto kept = Kept(History(ages), KeepAtMost(10));
  EXPECT_LE(kept.size(), 10U);
  EXPECT_TRUE(kept.contains(25));
}

TEST(PlanExpiryTest, NeverExceedsTheLimit) {
  // A thousand in two seconds: nothing is old, nothing can be thinned.
  const auto kept = Kept(History(Every(2, 1000)), KeepAtMost(500));
  EXPECT_EQ(kept, Range(601, 1000));
  // One a second for some sixteen minutes: one a minute and all of the last minute.
  const auto dense = Kept(History(Every(1000, 1000)), KeepAtMost(500));
  EXPECT_LE(dense.size(), 61U + 17U);
  EXPECT_GE(dense.size(), 61U + 15U);
  for (int64_t id = 940; id <= 1000; ++id) EXPECT_TRUE(dense.contains(id)) << id;
}

TEST(PlanExpiryTest, LimitsTheWorkOfOneCommit) {
  EXPECT_EQ(Kept(History(Every(1, 5000)), KeepAtMost(500)), Range(1001, 5000));
}

TEST(PlanExpiryTest, LeavesWhatRefsNeed) {
  TableMetadata metadata = History(Every(1, 100));
  metadata.refs["released"].snapshot_id = 7;
  SnapshotRef& audit = metadata.refs["audit"];
  audit.snapshot_id = 40;
  audit.is_branch = true;
  audit.min_snapshots_to_keep = 3;
  audit.max_snapshot_age_ms = 1;
  std::set<int64_t> expected = Range(93, 100);
  expected.insert({7, 38, 39, 40});
  // Twelve must or may stay; a fifth of 15 makes 12.
  EXPECT_EQ(Kept(metadata, KeepAtMost(15)), expected);
  metadata.refs["audit"].max_snapshot_age_ms = kHour;
  const auto kept = Kept(metadata, KeepAtMost(15));
  for (int64_t id = 1; id <= 40; ++id) EXPECT_TRUE(kept.contains(id)) << id;
  EXPECT_FALSE(kept.contains(41));
}

TEST(PlanExpiryTest, LeavesWhatMainIsToldToKeep) {
  TableMetadata metadata = History(Every(kMinute, 300));
  metadata.properties["history.expire.max-snapshot-age-ms"] = std::to_string(4 * kHour);
  auto kept = Kept(metadata, KeepAtMost(100));
  for (int64_t id = 60; id <= 300; ++id) EXPECT_TRUE(kept.contains(id)) << id;
  EXPECT_FALSE(kept.contains(50));
  metadata.properties.clear();
  metadata.refs["main"].min_snapshots_to_keep = 280;
  kept = Kept(metadata, KeepAtMost(100));
  EXPECT_TRUE(kept.contains(21));
  EXPECT_FALSE(kept.contains(20));
  metadata.properties["history.expire.max-snapshot-age-ms"] = "soon";
  const auto bad = PlanExpiry(metadata, KeepAtMost(100), kNow);
  EXPECT_EQ(bad.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(bad.error().message, HasSubstr("history.expire.max-snapshot-age-ms"));
}

TEST(PlanExpiryTest, ThinsWhatReadersHaveBeforeThemOnlyWhenItMust) {
  TableMetadata metadata = History(Every(kMinute, 300));
  metadata.refs["consumed.a"].snapshot_id = 100;
  metadata.refs["consumed.b"].snapshot_id = 200;
  RetentionPolicy policy = KeepAtMost(400);
  policy.reader_tags = "consumed.";
  auto kept = Kept(metadata, policy);
  for (int64_t id = 100; id <= 300; ++id) EXPECT_TRUE(kept.contains(id)) << id;
  // Of the 99 before, 46 is the last of its hour, and 106 that of the others.
  EXPECT_TRUE(kept.contains(46));
  EXPECT_EQ(kept.size(), 201U + 1U);
  policy.max_snapshots = 200;
  kept = Kept(metadata, policy);
  EXPECT_LE(kept.size(), 200U);
  EXPECT_TRUE(kept.contains(100));
  EXPECT_TRUE(kept.contains(200));
  EXPECT_FALSE(kept.contains(150));
}

// It would take a last epoch that it cannot find for one that was never committed.
TEST(PlanExpiryTest, LeavesAStoppedStreamItsLastEpoch) {
  const TableMetadata metadata =
      History(Every(10 * kMinute, 144), {{10, "a"}, {20, "a"}, {60, "a"}, {100, "b"}});
  const std::set<int64_t> kept = Kept(metadata, KeepAtMost(400));
  for (int64_t id = 60; id <= 144; ++id) EXPECT_TRUE(kept.contains(id)) << id;
  EXPECT_LT(kept.size(), 85U + 12U) << "what is older is thinned";
  // Not at the cost of the limit, nor for ever.
  EXPECT_LE(Kept(metadata, KeepAtMost(50)).size(), 50U);
  EXPECT_FALSE(Kept(History(Every(kHour, 200), {{10, "a"}}), KeepAtMost(500)).contains(10));
}

TEST(PlanExpiryTest, DropsTagsThatAreTooOldButNotPositions) {
  TableMetadata metadata = History({3 * kHour, 2 * kHour, 0});
  metadata.refs["tmp"].snapshot_id = 1;
  metadata.refs["tmp"].max_ref_age_ms = kHour;
  metadata.refs["octolake.x"].snapshot_id = 2;
  metadata.refs["octolake.x"].max_ref_age_ms = kHour;
  RetentionPolicy policy = KeepAtMost(2);
  policy.lasting_tags = "octolake.";
  const auto expiry = PlanExpiry(metadata, policy, kNow);
  ASSERT_TRUE(expiry);
  EXPECT_THAT(expiry->refs, ElementsAre("tmp"));
  EXPECT_THAT(expiry->snapshots, ElementsAre(1));
}

TEST(PlanExpiryTest, DoesNothingWhereFilesMustNotBeRemoved) {
  TableMetadata metadata = History(Every(1, 100));
  metadata.properties["gc.enabled"] = "false";
  EXPECT_TRUE(PlanExpiry(metadata, KeepAtMost(10), kNow)->empty());
}

TEST(RemoveSnapshotsTest, TakesOutStatisticsAndTheLogBeforeTheGap) {
  TableMetadata metadata = History({5, 4, 3, 2, 1});
  metadata.statistics_json =
      R"([{"snapshot-id":3,"statistics-path":"/t/s3"},{"snapshot-id":4,"statistics-path":"/t/s4"}])";
  RemoveSnapshots(metadata, {3});
  ASSERT_EQ(metadata.snapshot_log.size(), 2U);
  EXPECT_EQ(metadata.snapshot_log.front().snapshot_id, 4);
  EXPECT_EQ(metadata.statistics_json, R"([{"snapshot-id":4,"statistics-path":"/t/s4"}])");
  EXPECT_EQ(metadata.partition_statistics_json, "[]");
}

}  // namespace
}  // namespace octolake::iceberg
