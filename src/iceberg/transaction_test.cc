#include "iceberg/transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "iceberg/expire_snapshots.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TransactionTest, AppliesAgainAfterALostRace) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.catalog.before_commit = [&] {
    table.MustCommit(AppendFiles({table.File("other", 1)}, {}));
  };
  const auto metadata = table.MustCommit(AppendFiles({table.File("mine", 1)}, {}));
  EXPECT_EQ(metadata->snapshots.size(), 3U);
  EXPECT_EQ(metadata->CurrentSnapshot()->sequence_number, 3);
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("total-data-files"), "3");
  EXPECT_THAT(table.Live(), ElementsAre("a", "other", "mine"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(TransactionTest, RewritesForTheNewStateAfterALostRace) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "3"}});
  table.MustCommit(AppendFiles({table.File("a1", 1), table.File("a2", 2)}, {}));
  table.catalog.before_commit = [&] {
    table.MustCommit(AppendFiles({table.File("other", 1)}, {}));
  };
  const auto metadata =
      table.MustCommit(OverwritePartitions({{Literal(1)}}, {table.File("mine", 1)}, {}));
  EXPECT_THAT(table.Live(), ElementsAre("a2", "mine"));
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("deleted-data-files"), "2");
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(TransactionTest, TwoUpdatesOfOneTableSurviveALostRace) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.catalog.before_commit = [&] {
    table.MustCommit(AppendFiles({table.File("other", 5)}, {}));
  };
  const auto metadata = table.MustCommit(AppendFiles({table.File("b", 2), table.File("c", 3)}, {}),
                                         OverwritePartitions({{Literal(2)}}, {}, {}));
  EXPECT_EQ(metadata->snapshots.size(), 4U);
  const auto tasks = PlanScan(table.fs, *metadata, {}, {});
  EXPECT_THAT(TestTable::Names(tasks), ElementsAre("a", "other", "c"));
  EXPECT_EQ((*tasks)[2].sequence_number, 3);
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

// Lets others do something between the loading of a table and the reading of its manifests.
class OthersComeFirst final : public TableUpdate {
 public:
  explicit OthersComeFirst(std::function<void()> others) : others_(std::move(others)) {}
  Status Apply(const UpdateContext& /*context*/, TableMetadata& /*metadata*/) override {
    if (auto others = std::exchange(others_, nullptr)) others();
    return {};
  }
  std::vector<std::string> Unused(const TableMetadata* /*committed*/) const override { return {}; }

 private:
  std::function<void()> others_;
};

TEST(TransactionTest, BeginsAnewWhereTheSnapshotItBeganFromHasExpired) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  RetentionPolicy policy;
  policy.min_snapshots = 1;
  policy.max_snapshots = 1;
  auto others = std::make_unique<OthersComeFirst>([&] {
    table.MustCommit(OverwriteAll({table.File("other", 1)}, {}), ExpireSnapshots(policy));
  });
  const auto metadata =
      table.MustCommit(std::move(others), AppendFiles({table.File("mine", 1)}, {}));
  EXPECT_EQ(metadata->snapshots.size(), 2U);
  EXPECT_THAT(table.Live(), ElementsAre("other", "mine"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(TransactionTest, DamageIsNoLostRace) {
  TestTable table;
  const auto before = table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  ASSERT_TRUE(table.fs.Remove(before->CurrentSnapshot()->manifest_list));
  const auto damaged = table.Commit(AppendFiles({table.File("b", 1)}, {}));
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().kind, ErrorKind::kCorruption);
}

TEST(TransactionTest, AFailedAssertionIsFinalAndLeavesNothing) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}), SetTag("t", {}));
  const auto start = table.Metadata()->current_snapshot_id;
  table.catalog.before_commit = [&] { table.MustCommit(AppendFiles({}, {}), SetTag("t", {})); };
  table.catalog.commits = 0;
  const auto committed = table.Commit(AssertTag("t", start),
                                      AppendFiles({table.File("mine", 1)}, {}), SetTag("t", {}));
  EXPECT_EQ(committed.error().kind, ErrorKind::kCommitConflict);
  EXPECT_EQ(table.catalog.commits, 2);  // this one's and the other's
  EXPECT_THAT(table.Live(), ElementsAre("a"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(TransactionTest, GivesUpAfterItsAttempts) {
  TestTable table;
  std::function<void()> other = [&] {
    table.MustCommit(AppendFiles({}, {}));
    table.catalog.before_commit = other;
  };
  table.catalog.before_commit = other;
  Transaction transaction(table.catalog, table.Context(), {.backoff = {.attempts = 3}});
  transaction.Add(table.identifier, AppendFiles({table.File("mine", 1)}, {}));
  const auto committed = transaction.Commit();
  EXPECT_EQ(committed.error().kind, ErrorKind::kCommitConflict);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 3U);
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(TransactionTest, FindsOutThatALostReplyWasSuccess) {
  TestTable table;
  table.catalog.lose_replies = 1;
  const auto metadata = table.MustCommit(AppendFiles({table.File("a", 1)}, {}), SetTag("t", {}));
  EXPECT_EQ(metadata->snapshots.size(), 1U);
  EXPECT_EQ(table.catalog.commits, 1);
  EXPECT_THAT(table.Live(), ElementsAre("a"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(TransactionTest, TriesAgainWhenALostRequestHadNoEffect) {
  TestTable table;
  table.catalog.lose_requests = 2;
  const auto metadata = table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  EXPECT_EQ(metadata->snapshots.size(), 1U);
  EXPECT_EQ(table.catalog.commits, 3);
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(TransactionTest, LooksUpAgainWhileTheCatalogIsAway) {
  TestTable table;
  table.catalog.lose_replies = 1;
  table.catalog.before_commit = [&] { table.catalog.fail_loads = 2; };
  const auto metadata = table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  EXPECT_EQ(metadata->snapshots.size(), 1U);
}

TEST(TransactionTest, RemovesNothingWhenTheOutcomeStaysUnknown) {
  TestTable table;
  table.catalog.lose_replies = 1;
  table.catalog.before_commit = [&] { table.catalog.fail_loads = 1'000; };
  Transaction transaction(table.catalog, table.Context(), {.backoff = {.attempts = 3}});
  transaction.Add(table.identifier, AppendFiles({table.File("a", 1)}, {}));
  const auto committed = transaction.Commit();
  EXPECT_EQ(committed.error().kind, ErrorKind::kCommitStateUnknown);
  table.catalog.fail_loads = 0;
  EXPECT_THAT(table.Live(), ElementsAre("a"));
}

TEST(TransactionTest, AnOpenOutcomeIsNotCalledFailure) {
  // The request may still be under way when all attempts are used up.
  TestTable table;
  table.catalog.lose_requests = 1'000;
  Transaction transaction(table.catalog, table.Context(), {.backoff = {.attempts = 2}});
  transaction.Add(table.identifier, AppendFiles({table.File("a", 1)}, {}));
  EXPECT_EQ(transaction.Commit().error().kind, ErrorKind::kCommitStateUnknown);
  EXPECT_EQ(table.fs.List("/warehouse").value().size(), 3U);  // one manifest, two lists
}

TEST(TransactionTest, LostRepliesOfTagsAndPropertiesAreFoundToo) {
  TestTable table;
  table.MustCommit(AppendFiles({}, {}));
  const auto start = table.Metadata()->current_snapshot_id;
  table.catalog.lose_replies = 1;
  const auto metadata = table.MustCommit(AssertTag("t", {}), SetTag("t", start));
  EXPECT_EQ(metadata->refs.at("t").snapshot_id, start);
}

TEST(TransactionTest, SeveralTablesMoveTogether) {
  TestTable table;
  NewTable second;
  second.location = "/warehouse/bronze/rejected";
  second.schema = TestSchema();
  second.spec = DaySpec();
  const TableIdentifier other{.name_space = "bronze", .name = "rejected"};
  ASSERT_TRUE(table.catalog.Create(other, second));
  // The second table changes under the first attempt.
  table.catalog.before_commit = [&] {
    Transaction race(table.catalog, table.Context());
    race.Add(other, AppendFiles({table.File("race", 1)}, {}));
    ASSERT_TRUE(race.Commit());
  };
  Transaction transaction(table.catalog, table.Context());
  transaction.Add(table.identifier, AppendFiles({table.File("a", 1)}, {}));
  transaction.Add(other, AppendFiles({table.File("b", 1)}, {}));
  transaction.Add(table.identifier, SetTag("t", {}));
  const auto committed = transaction.Commit();
  ASSERT_TRUE(committed) << committed.error().message;
  ASSERT_EQ(committed->size(), 2U);
  EXPECT_EQ((*committed)[0].identifier, table.identifier);
  EXPECT_EQ((*committed)[0].metadata->snapshots.size(), 1U);
  EXPECT_EQ((*committed)[0].metadata->refs.count("t"), 1U);
  EXPECT_EQ((*committed)[1].metadata->snapshots.size(), 2U);
}

TEST(TransactionTest, WaitsForABusyCatalogButNotForEver) {
  TestTable table;
  table.catalog.busy = 2;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  EXPECT_EQ(table.catalog.commits, 3);

  table.catalog.busy = 1000;
  const auto failed = table.Commit(AppendFiles({table.File("b", 1)}, {}));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(failed.error().message, testing::HasSubstr("locked"));
  EXPECT_EQ(table.catalog.commits, 6);
  EXPECT_THAT(table.Live(), ElementsAre("a"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(TransactionTest, ATableDroppedBeforeTheSwapIsNamed) {
  TestTable table;
  table.catalog.before_commit = [&] { ASSERT_TRUE(table.catalog.DropTable(table.identifier)); };
  const auto failed = table.Commit(AppendFiles({table.File("a", 1)}, {}));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(failed.error().message, testing::HasSubstr(table.identifier.ToString()));
  EXPECT_THAT(failed.error().message, testing::HasSubstr("dropped"));
}

TEST(TransactionTest, AMissingTableIsNotFound) {
  TestTable table;
  Transaction transaction(table.catalog, table.Context());
  transaction.Add({.name_space = "no", .name = "table"}, AppendFiles({}, {}));
  EXPECT_EQ(transaction.Commit().error().kind, ErrorKind::kNotFound);
}

TEST(TransactionTest, AnErrorOfOneTableUndoesTheOthers) {
  TestTable table;
  Transaction transaction(table.catalog, table.Context());
  transaction.Add(table.identifier, AppendFiles({table.File("a", 1)}, {}));
  transaction.Add(table.identifier, SetTag("main", {}));
  EXPECT_EQ(transaction.Commit().error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(table.Metadata()->snapshots.empty());
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

}  // namespace
}  // namespace octolake::iceberg
