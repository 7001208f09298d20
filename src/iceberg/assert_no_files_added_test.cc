#include "iceberg/assert_no_files_added.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

PartitionValues Day(int32_t day) { return {Literal(day)}; }

// Whether the assertion, made by a step that began at `since`, lets a commit pass.
bool Holds(TestTable& table, std::optional<int64_t> since, const std::vector<int32_t>& days) {
  std::vector<PartitionValues> partitions;
  for (const int32_t day : days) partitions.push_back(Day(day));
  const auto committed = table.Commit(AssertNoFilesAdded(since, 0, partitions), SetProperties({}));
  if (!committed) {
    EXPECT_EQ(committed.error().kind, ErrorKind::kCommitConflict);
  }
  return committed.has_value();
}

TEST(AssertNoFilesAddedTest, OnlyFilesInThePartitionsConflict) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  const auto since = table.Metadata()->current_snapshot_id;
  EXPECT_TRUE(Holds(table, since, {1}));
  table.MustCommit(AppendFiles({table.File("b", 2)}, {}));
  EXPECT_TRUE(Holds(table, since, {1}));
  EXPECT_FALSE(Holds(table, since, {1, 2}));
  EXPECT_TRUE(Holds(table, table.Metadata()->current_snapshot_id, {1, 2}));
  table.MustCommit(AppendFiles({}, {}));
  EXPECT_TRUE(Holds(table, since, {1}));
  EXPECT_TRUE(Holds(table, since, {}));
}

TEST(AssertNoFilesAddedTest, FromAnEmptyTableOn) {
  TestTable table;
  EXPECT_TRUE(Holds(table, {}, {1}));
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  EXPECT_FALSE(Holds(table, {}, {1}));
  EXPECT_TRUE(Holds(table, {}, {2}));
}

TEST(AssertNoFilesAddedTest, FilesMergedIntoAnOlderManifestAreSeen) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "2"}});
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  const auto since = table.Metadata()->current_snapshot_id;
  table.MustCommit(AppendFiles({table.File("b", 2)}, {}));
  table.MustCommit(AppendFiles({table.File("c", 3)}, {}));
  EXPECT_FALSE(Holds(table, since, {2}));
  EXPECT_FALSE(Holds(table, since, {3}));
  EXPECT_TRUE(Holds(table, since, {1}));
}

TEST(AssertNoFilesAddedTest, ARewriteOfFilesAddsNoRows) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  const auto since = table.Metadata()->current_snapshot_id;
  table.MustCommit(OverwritePartitions({Day(1)}, {table.File("b", 1)}, {}));
  EXPECT_FALSE(Holds(table, since, {1}));

  // The same snapshot as a compaction writes it.
  class CallItReplace final : public TableUpdate {
   public:
    Status Apply(const UpdateContext&, TableMetadata& metadata) override {
      metadata.snapshots.Change(metadata.snapshots.size() - 1,
                                [](Snapshot& last) { last.summary["operation"] = "replace"; });
      return {};
    }
    std::vector<std::string> Unused(const TableMetadata*) const override { return {}; }
  };
  table.MustCommit(std::make_unique<CallItReplace>());
  EXPECT_TRUE(Holds(table, since, {1}));
}

TEST(AssertNoFilesAddedTest, AStartThatIsNotInTheHistoryConflicts) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  const auto first = table.Metadata()->current_snapshot_id;
  table.MustCommit(AppendFiles({table.File("b", 2)}, {}));
  const auto second = table.Metadata()->current_snapshot_id;
  table.MustCommit(RollbackTo(*first));
  EXPECT_FALSE(Holds(table, second, {7}));
  table.MustCommit(AppendFiles({table.File("c", 3)}, {}));
  EXPECT_FALSE(Holds(table, second, {7}));
  EXPECT_FALSE(Holds(table, 12345, {7}));
  EXPECT_TRUE(Holds(table, first, {7}));
}

TEST(AssertNoFilesAddedTest, AFileOfAnotherSpecConflictsWithEveryPartition) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  const auto since = table.Metadata()->current_snapshot_id;
  table.MustCommit(AppendFiles({table.File("b", 2)}, {}));
  EXPECT_TRUE(table.Commit(AssertNoFilesAdded(since, 0, {Day(1)})));
  EXPECT_EQ(table.Commit(AssertNoFilesAdded(since, 1, {Day(1)})).error().kind,
            ErrorKind::kCommitConflict);
}

// Random histories of appends, overwrites and empty snapshots; a step that began at any of them and
// read any partitions conflicts exactly if one of those got a file since.
TEST(AssertNoFilesAddedTest, EqualsThePlainAccountOfRandomHistories) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](int limit) {
      return static_cast<int32_t>(random() % static_cast<uint32_t>(limit));
    };
    TestTable table(Properties{{"commit.manifest.min-count-to-merge", "3"}});
    std::vector<std::optional<int64_t>> snapshots = {std::nullopt};
    std::vector<std::set<int32_t>> added = {{}};  // by the snapshot of the same place
    for (int step = 0; step < 8; ++step) {
      std::set<int32_t> days;
      std::vector<DataFile> files;
      for (int file = below(3); file > 0; --file) {
        const int32_t day = below(5);
        days.insert(day);
        files.push_back(table.File(std::to_string(step) + "-" + std::to_string(files.size()), day));
      }
      if (below(3) == 0) {
        std::vector<PartitionValues> overwritten = {Day(below(5))};
        for (const int32_t day : days) overwritten.push_back(Day(day));
        table.MustCommit(OverwritePartitions(overwritten, files, {}));
      } else {
        table.MustCommit(AppendFiles(files, {}));
      }
      snapshots.push_back(table.Metadata()->current_snapshot_id);
      added.push_back(days);
    }
    for (size_t since = 0; since < snapshots.size(); ++since) {
      const std::vector<int32_t> read = {below(5), below(5)};
      bool expected = true;
      for (size_t later = since + 1; later < added.size(); ++later) {
        for (const int32_t day : read) expected = expected && !added[later].contains(day);
      }
      EXPECT_EQ(Holds(table, snapshots[since], read), expected) << "since step " << since;
    }
  }
}

}  // namespace
}  // namespace octolake::iceberg
