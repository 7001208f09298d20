#include "iceberg/expire_snapshots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "iceberg/retention_policy.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

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

RetentionPolicy Small(int64_t max_snapshots) {
  RetentionPolicy policy;
  policy.max_snapshots = max_snapshots;
  policy.min_snapshots = 1;
  return policy;
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
  EXPECT_EQ(Kept(History(ages), Small(100)), Range(1, 10));
  ages.insert(ages.begin(), 2, 2 * kHour);
  EXPECT_EQ(Kept(History(ages), Small(100)), (std::set<int64_t>{11, 12}));
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
  EXPECT_EQ(Kept(metadata, Small(100)), expected);
  // What is thinned is not thinned further.
  EXPECT_EQ(Kept(metadata, Small(1000)), expected);
}

TEST(PlanExpiryTest, ExpiresByAgeButForTheNewest) {
  RetentionPolicy policy = Small(500);
  policy.min_snapshots = 5;
  EXPECT_EQ(Kept(History({10 * kDay, 9 * kDay, 8 * kDay, 2 * kDay, kDay, 0}), policy), Range(2, 6));
  policy.min_snapshots = 1;
  EXPECT_EQ(Kept(History({10 * kDay, 9 * kDay, 8 * kDay, 2 * kDay, kDay, 0}), policy), Range(4, 6));
}

// A clock that was set back makes nothing older than it is; one that is put right after it was
// ahead finds snapshots of the future, which are young, and still bounded in number.
TEST(PlanExpiryTest, AClockThatWasSetExpiresNothingEarly) {
  RetentionPolicy policy = Small(1'000);
  TableMetadata metadata = History(Every(kMinute, 30));
  for (const int64_t now : {kNow - kHour, kNow - 365 * kDay, int64_t{0}}) {
    const auto expiry = PlanExpiry(metadata, policy, now);
    ASSERT_TRUE(expiry) << expiry.error().message;
    EXPECT_THAT(expiry->snapshots, IsEmpty()) << now;
  }
  std::vector<int64_t> ages = Every(kHour, 5);
  for (int i = 0; i < 20; ++i) ages.push_back(-365 * kDay);  // commits while it was ahead
  EXPECT_EQ(Kept(History(ages), policy), Range(1, 25));
  const auto kept = Kept(History(ages), Small(10));
  EXPECT_LE(kept.size(), 10U);
  EXPECT_TRUE(kept.contains(25));
}

TEST(PlanExpiryTest, NeverExceedsTheLimit) {
  // A thousand in two seconds: nothing is old, nothing can be thinned.
  const auto kept = Kept(History(Every(2, 1000)), Small(500));
  EXPECT_EQ(kept, Range(601, 1000));
  // One a second for some sixteen minutes: one a minute and all of the last minute.
  const auto dense = Kept(History(Every(1000, 1000)), Small(500));
  EXPECT_LE(dense.size(), 61U + 17U);
  EXPECT_GE(dense.size(), 61U + 15U);
  for (int64_t id = 940; id <= 1000; ++id) EXPECT_TRUE(dense.contains(id)) << id;
}

TEST(PlanExpiryTest, LimitsTheWorkOfOneCommit) {
  EXPECT_EQ(Kept(History(Every(1, 5000)), Small(500)), Range(1001, 5000));
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
  EXPECT_EQ(Kept(metadata, Small(15)), expected);
  metadata.refs["audit"].max_snapshot_age_ms = kHour;
  const auto kept = Kept(metadata, Small(15));
  for (int64_t id = 1; id <= 40; ++id) EXPECT_TRUE(kept.contains(id)) << id;
  EXPECT_FALSE(kept.contains(41));
}

TEST(PlanExpiryTest, LeavesWhatMainIsToldToKeep) {
  TableMetadata metadata = History(Every(kMinute, 300));
  metadata.properties["history.expire.max-snapshot-age-ms"] = std::to_string(4 * kHour);
  auto kept = Kept(metadata, Small(100));
  for (int64_t id = 60; id <= 300; ++id) EXPECT_TRUE(kept.contains(id)) << id;
  EXPECT_FALSE(kept.contains(50));
  metadata.properties.clear();
  metadata.refs["main"].min_snapshots_to_keep = 280;
  kept = Kept(metadata, Small(100));
  EXPECT_TRUE(kept.contains(21));
  EXPECT_FALSE(kept.contains(20));
  metadata.properties["history.expire.max-snapshot-age-ms"] = "soon";
  const auto bad = PlanExpiry(metadata, Small(100), kNow);
  EXPECT_EQ(bad.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(bad.error().message, HasSubstr("history.expire.max-snapshot-age-ms"));
}

TEST(PlanExpiryTest, ThinsWhatReadersHaveBeforeThemOnlyWhenItMust) {
  TableMetadata metadata = History(Every(kMinute, 300));
  metadata.refs["consumed.a"].snapshot_id = 100;
  metadata.refs["consumed.b"].snapshot_id = 200;
  RetentionPolicy policy = Small(400);
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
  const std::set<int64_t> kept = Kept(metadata, Small(400));
  for (int64_t id = 60; id <= 144; ++id) EXPECT_TRUE(kept.contains(id)) << id;
  EXPECT_LT(kept.size(), 85U + 12U) << "what is older is thinned";
  // Not at the cost of the limit, nor for ever.
  EXPECT_LE(Kept(metadata, Small(50)).size(), 50U);
  EXPECT_FALSE(Kept(History(Every(kHour, 200), {{10, "a"}}), Small(500)).contains(10));
}

TEST(PlanExpiryTest, DropsTagsThatAreTooOldButNotPositions) {
  TableMetadata metadata = History({3 * kHour, 2 * kHour, 0});
  metadata.refs["tmp"].snapshot_id = 1;
  metadata.refs["tmp"].max_ref_age_ms = kHour;
  metadata.refs["octolake.x"].snapshot_id = 2;
  metadata.refs["octolake.x"].max_ref_age_ms = kHour;
  RetentionPolicy policy = Small(2);
  policy.lasting_tags = "octolake.";
  const auto expiry = PlanExpiry(metadata, policy, kNow);
  ASSERT_TRUE(expiry);
  EXPECT_THAT(expiry->refs, ElementsAre("tmp"));
  EXPECT_THAT(expiry->snapshots, ElementsAre(1));
}

TEST(PlanExpiryTest, DoesNothingWhereFilesMustNotBeRemoved) {
  TableMetadata metadata = History(Every(1, 100));
  metadata.properties["gc.enabled"] = "false";
  EXPECT_TRUE(PlanExpiry(metadata, Small(10), kNow)->empty());
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

// A table whose files are really there.
class ExpireSnapshotsTest : public testing::Test {
 protected:
  DataFile NewFile(const std::string& name, int32_t day) {
    DataFile file = table.File(name, day);
    EXPECT_TRUE(io::WriteAll(table.fs, file.file_path, "rows"));
    return file;
  }
  void Append(const std::string& name, int32_t day = 1) {
    table.MustCommit(AppendFiles({NewFile(name, day)}, {}));
  }
  bool Exists(const std::string& name) {
    return table.fs.Contains("/warehouse/bronze/events/data/" + name);
  }
  std::shared_ptr<const TableMetadata> Expire(int64_t max_snapshots) {
    return table.MustCommit(ExpireSnapshots(Small(max_snapshots)));
  }
  std::vector<std::string> DataFiles() {
    std::vector<std::string> names;
    const auto files = table.fs.List("/warehouse/bronze/events/data").value();
    for (const auto& file : files) {
      names.push_back(file.location.substr(file.location.rfind('/') + 1));
    }
    return names;
  }
  int64_t SnapshotId(size_t i) { return table.Metadata()->snapshots[i].snapshot_id; }

  TestTable table{Properties{{"commit.manifest.min-count-to-merge", "4"}}};
};

TEST_F(ExpireSnapshotsTest, KeepsEveryRowOfAnAppendedTable) {
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) {
    names.push_back("f" + std::to_string(100 + i));
    Append(names.back());
  }
  const auto metadata = Expire(10);
  EXPECT_EQ(metadata->snapshots.size(), 8U);
  EXPECT_EQ(table.Live(), names);
  EXPECT_EQ(DataFiles(), names);
  // Lists and merged manifests of snapshots that are gone are gone too.
  EXPECT_THAT(table.Orphans(), IsEmpty());
  for (const Snapshot& snapshot : metadata->snapshots) {
    EXPECT_EQ(table.Live(snapshot.snapshot_id).size(),
              static_cast<size_t>(snapshot.sequence_number));
  }
}

TEST_F(ExpireSnapshotsTest, RemovesReplacedFilesOnceNoSnapshotHasThem) {
  Append("a", 1);
  Append("b", 2);
  table.MustCommit(OverwritePartitions({{Literal(1)}}, {NewFile("c", 1)}, {}));
  table.MustCommit(SetTag("before", SnapshotId(1)));
  table.MustCommit(OverwritePartitions({{Literal(1)}}, {NewFile("d", 1)}, {}));
  Expire(2);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 2U);
  EXPECT_THAT(DataFiles(), ElementsAre("a", "b", "d"));  // a: of the tag
  EXPECT_THAT(table.Live(), UnorderedElementsAre("b", "d"));
  EXPECT_THAT(table.Live(table.Metadata()->refs.at("before").snapshot_id),
              UnorderedElementsAre("a", "b"));
  EXPECT_THAT(table.Orphans(), IsEmpty());

  table.MustCommit(SetTag("before", table.Metadata()->current_snapshot_id));
  Expire(1);
  EXPECT_THAT(DataFiles(), ElementsAre("b", "d"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST_F(ExpireSnapshotsTest, LeavesAFileThatWasAddedAgain) {
  Append("a");
  table.MustCommit(OverwriteAll({NewFile("b", 1)}, {}));
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  Expire(1);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 1U);
  EXPECT_THAT(table.Live(), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(DataFiles(), ElementsAre("a", "b"));
}

TEST_F(ExpireSnapshotsTest, SaysThatItCannotTellWhenTheSnapshotOfALostReplyHasExpired) {
  Append("a");
  table.catalog.lose_replies = 1;
  table.catalog.after_commit = [&] {
    Append("c");
    Append("d");
    Expire(1);
  };
  const auto committed = table.Commit(AppendFiles({NewFile("b", 1)}, {}));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::kCommitStateUnknown);
  EXPECT_THAT(table.Live(), UnorderedElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST_F(ExpireSnapshotsTest, IsPartOfTheCommitThatMakesTheSnapshot) {
  for (int i = 0; i < 20; ++i) {
    table.MustCommit(AppendFiles({NewFile("f" + std::to_string(100 + i), 1)}, {}),
                     ExpireSnapshots(Small(5)));
    EXPECT_LE(table.Metadata()->snapshots.size(), 5U);
    EXPECT_THAT(table.Orphans(), IsEmpty());
  }
  EXPECT_EQ(table.Live().size(), 20U);
  EXPECT_EQ(table.Metadata()->snapshot_log.size(), table.Metadata()->snapshots.size());
}

TEST_F(ExpireSnapshotsTest, RemovesNothingThatAnotherCommitKept) {
  for (int i = 0; i < 6; ++i) {
    const std::string name = "f" + std::to_string(i);
    table.MustCommit(OverwriteAll({NewFile(name, 1)}, {}));
  }
  const int64_t tagged = SnapshotId(1);
  // Between our plan and our commit somebody tags what we were about to expire.
  table.catalog.before_commit = [&] { table.MustCommit(SetTag("mine", tagged)); };
  Expire(2);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 2U);
  EXPECT_THAT(table.Live(tagged), ElementsAre("f1"));
  EXPECT_THAT(DataFiles(), ElementsAre("f1", "f5"));
}

// While we look what the others share with ours, somebody else expires them and removes their
// files.
TEST_F(ExpireSnapshotsTest, LeavesNothingBehindBesideAnotherThatExpiresMore) {
  Append("kept", 2);
  for (int i = 0; i < 6; ++i) {
    table.MustCommit(
        OverwritePartitions({{Literal(1)}}, {NewFile("f" + std::to_string(i), 1)}, {}));
  }
  Transaction first(table.catalog, table.Context());
  first.Add(table.identifier, ExpireSnapshots(Small(4)));
  table.catalog.after_commit = [&] { Expire(1); };
  ASSERT_TRUE(first.Commit());
  EXPECT_THAT(first.left_behind(), IsEmpty());
  EXPECT_THAT(DataFiles(), ElementsAre("f5", "kept"));
  EXPECT_THAT(table.Live(), UnorderedElementsAre("f5", "kept"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

// The table that tells of a commit whose reply was lost lacks what others have expired since, too.
TEST_F(ExpireSnapshotsTest, LeavesNothingBehindBesideAnotherThatExpiresMoreWhenTheReplyIsLost) {
  for (int i = 0; i < 6; ++i) {
    table.MustCommit(OverwriteAll({NewFile("f" + std::to_string(i), 1)}, {}));
  }
  Transaction first(table.catalog, table.Context());
  first.Add(table.identifier, AppendFiles({NewFile("mine", 2)}, {}));
  first.Add(table.identifier, ExpireSnapshots(Small(4)));
  table.catalog.lose_replies = 1;
  table.catalog.after_commit = [&] { Expire(1); };
  ASSERT_TRUE(first.Commit());
  EXPECT_THAT(first.left_behind(), IsEmpty());
  EXPECT_THAT(table.Live(), UnorderedElementsAre("f5", "mine"));
  EXPECT_THAT(DataFiles(), ElementsAre("f5", "mine"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

// What an older state of the table does not name may well be in use.
TEST_F(ExpireSnapshotsTest, RemovesNothingByAnOlderStateOfTheTable) {
  Append("a");
  Append("b");
  const Table old = *table.catalog.LoadTable(table.identifier);
  Append("kept", 2);
  for (int i = 0; i < 3; ++i) {
    table.MustCommit(
        OverwritePartitions({{Literal(1)}}, {NewFile("f" + std::to_string(i), 1)}, {}));
  }
  Transaction first(table.catalog, table.Context());
  first.Add(table.identifier, ExpireSnapshots(Small(2)));
  table.catalog.after_commit = [&] {
    Expire(1);
    table.catalog.stale = old;
  };
  ASSERT_TRUE(first.Commit());
  EXPECT_EQ(first.left_behind().size(), 1U);
  EXPECT_THAT(table.Live(), UnorderedElementsAre("f2", "kept"));
  EXPECT_THAT(DataFiles(), testing::IsSupersetOf({"f2", "kept"}));
}

// What is missing for another reason stays missing when the table is looked at again.
TEST_F(ExpireSnapshotsTest, LeavesEverythingWhereAListIsMissing) {
  for (int i = 0; i < 3; ++i) {
    table.MustCommit(OverwriteAll({NewFile("f" + std::to_string(i), 1)}, {}));
  }
  const std::string list = table.Metadata()->snapshots[1].manifest_list;
  Transaction transaction(table.catalog, table.Context());
  transaction.Add(table.identifier, ExpireSnapshots(Small(1)));
  ASSERT_TRUE(table.fs.Remove(list));
  ASSERT_TRUE(transaction.Commit());
  ASSERT_EQ(transaction.left_behind().size(), 1U);
  EXPECT_THAT(transaction.left_behind()[0].message, HasSubstr(list));
  EXPECT_THAT(DataFiles(), ElementsAre("f0", "f1", "f2"));
}

TEST_F(ExpireSnapshotsTest, RemovesNothingWhileTheOutcomeIsUnknown) {
  for (int i = 0; i < 4; ++i) {
    table.MustCommit(OverwriteAll({NewFile("f" + std::to_string(i), 1)}, {}));
  }
  table.catalog.lose_replies = 1;
  Transaction lost(table.catalog, table.Context(), {.max_attempts = 1});
  lost.Add(table.identifier, AppendFiles({NewFile("g", 2)}, {}));
  lost.Add(table.identifier, ExpireSnapshots(Small(1)));
  table.catalog.before_commit = [&] { table.catalog.fail_loads = 1; };
  const auto unknown = lost.Commit();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kCommitStateUnknown);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 1U);  // it did take effect
  EXPECT_EQ(DataFiles().size(), 5U);
}

TEST_F(ExpireSnapshotsTest, RemovesFilesAfterALostReplyWasLookedUp) {
  for (int i = 0; i < 4; ++i) {
    table.MustCommit(OverwriteAll({NewFile("f" + std::to_string(i), 1)}, {}));
  }
  table.catalog.lose_replies = 1;
  table.MustCommit(AppendFiles({NewFile("g", 2)}, {}), ExpireSnapshots(Small(1)));
  EXPECT_THAT(DataFiles(), ElementsAre("f3", "g"));
  EXPECT_THAT(table.Live(), UnorderedElementsAre("f3", "g"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST_F(ExpireSnapshotsTest, LeavesFilesOfOthersAlone) {
  DataFile imported = table.File("x", 1);
  imported.file_path = "/elsewhere/x";
  ASSERT_TRUE(io::WriteAll(table.fs, imported.file_path, "rows"));
  table.MustCommit(AppendFiles({imported}, {}));
  table.MustCommit(OverwriteAll({NewFile("y", 1)}, {}));
  Expire(1);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 1U);
  EXPECT_TRUE(table.fs.Contains("/elsewhere/x"));
}

TEST_F(ExpireSnapshotsTest, LeavesEverythingWhereSomethingCannotBeRead) {
  Append("a", 1);
  table.MustCommit(OverwriteAll({NewFile("b", 1)}, {}));
  table.MustCommit(OverwriteAll({NewFile("c", 1)}, {}));
  const std::string list = table.Metadata()->snapshots[2].manifest_list;
  const std::string whole = table.fs.Bytes(list);
  Transaction transaction(table.catalog, table.Context());
  transaction.Add(table.identifier, ExpireSnapshots(Small(1)));
  table.fs.Bytes(list) = "damaged";
  ASSERT_TRUE(transaction.Commit());
  ASSERT_EQ(transaction.left_behind().size(), 1U);
  EXPECT_THAT(transaction.left_behind()[0].message, HasSubstr(list));
  EXPECT_THAT(transaction.left_behind()[0].message, HasSubstr("left behind"));
  EXPECT_THAT(DataFiles(), ElementsAre("a", "b", "c"));
  table.fs.Bytes(list) = whole;
  EXPECT_THAT(table.Live(), ElementsAre("c"));
}

// Whatever a history of appends, overwrites, tags, branches and rollbacks: what remains is whole,
// and nothing else is left.
TEST(ExpireSnapshotsPropertyTest, KeepsExactlyWhatIsReachable) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestTable table(Properties{{"commit.manifest.min-count-to-merge", "3"}});
    SeededRandom random(seed);
    const auto below = [&](uint64_t n) { return random.Next() % n; };
    int files = 0;
    const auto new_file = [&](int32_t day) {
      DataFile file = table.File("f" + std::to_string(files++), day);
      EXPECT_TRUE(io::WriteAll(table.fs, file.file_path, "rows"));
      return file;
    };
    std::map<int64_t, std::vector<std::string>> states;
    for (int step = 0; step < 60; ++step) {
      table.clock.Advance(static_cast<int64_t>(below(40)) * kMinute * 1000);
      const auto day = static_cast<int32_t>(below(3));
      const auto metadata = table.Metadata();
      const size_t count = metadata->snapshots.size();
      switch (below(count == 0 ? 1 : 10)) {
        case 5:
          table.MustCommit(OverwritePartitions({{Literal(day)}}, {new_file(day)}, {}));
          break;
        case 6:
          table.MustCommit(SetTag("t" + std::to_string(below(2)),
                                  metadata->snapshots[below(count)].snapshot_id));
          break;
        case 7: {
          const auto line = AncestorsOf(*metadata, *metadata->current_snapshot_id);
          table.MustCommit(RollbackTo(line[below(line.size())]->snapshot_id));
          break;
        }
        case 8:
        case 9:
          table.MustCommit(ExpireSnapshots(Small(static_cast<int64_t>(2 + below(8)))));
          break;
        default:
          table.MustCommit(AppendFiles({new_file(day)}, {}));
      }
      const auto now = table.Metadata();
      if (now->current_snapshot_id) {
        states.emplace(*now->current_snapshot_id, table.Live(now->current_snapshot_id));
      }
    }
    table.MustCommit(ExpireSnapshots(Small(4)));
    std::set<std::string> reachable;
    for (const Snapshot& snapshot : table.Metadata()->snapshots) {
      const auto live = table.Live(snapshot.snapshot_id);
      EXPECT_EQ(live, states.at(snapshot.snapshot_id));
      reachable.insert(live.begin(), live.end());
    }
    std::set<std::string> present;
    const auto data = table.fs.List("/warehouse/bronze/events/data").value();
    for (const auto& file : data) {
      present.insert(file.location.substr(file.location.rfind('/') + 1));
    }
    EXPECT_EQ(present, reachable);
    EXPECT_THAT(table.Orphans(), IsEmpty());
  }
}

}  // namespace
}  // namespace octolake::iceberg
