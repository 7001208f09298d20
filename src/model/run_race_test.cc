// Runs beside others that commit, roll back and expire, and runs whose outcome stays unknown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "iceberg/expire_snapshots.h"
#include "iceberg/transaction.h"
#include "lake/position.h"
#include "model/run_for_test.h"

namespace octolake::model {
namespace {

using lake::Must;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Action = ModelReport::Action;

using RunRaceTest = ModelRunTest;

TEST_F(RunRaceTest, TheLoserOfARaceStartsOver) {
  AddEvents(100);
  Run();
  AddEvents(100);
  auto& catalog = HookCatalog();
  bool raced = false;
  catalog.before_commit.push_back([&] {
    IgnoreProgress progress;
    raced = RunModels(*others_, bundle_, {}, progress).has_value();
  });
  const auto reports = Run();
  EXPECT_TRUE(raced);
  EXPECT_EQ(reports[0].action, Action::kUpToDate);
  EXPECT_THAT(Rows("SELECT event_key FROM silver.silver_github_events GROUP BY 1 "
                   "HAVING count(*) > 1"),
              IsEmpty());
  EXPECT_EQ(CountRows(kSilver), CountRows(lake::ParsedEvents({})));
  // Nothing of the lost attempt is left.
  const auto silver = LoadTable(kSilver);
  size_t live = 0;
  for (const auto& snapshot : silver.metadata->snapshots) {
    const auto tasks = Must(
        iceberg::PlanScan(warehouse_->file_system(), *silver.metadata, snapshot.snapshot_id, {}));
    live = std::max(live, tasks.size());
  }
  EXPECT_EQ(static_cast<size_t>(CountDataFiles(kSilver)), live);
}

// A rollback moves no tag, so that an increment that was planned before it would go in.
TEST_F(RunRaceTest, ARollbackBetweenPlanAndCommitMeansAFullRefresh) {
  AddEvents(100);
  Run();
  const int64_t first = *LoadTable(kSilver).metadata->current_snapshot_id;
  AddEvents(100);
  Run();
  AddEvents(100);
  HookCatalog().before_commit.push_back([&] {
    iceberg::Transaction back(others_->catalog(), others_->update_context());
    back.Add(kSilver, iceberg::RollbackTo(first));
    Must(back.Commit());
  });
  const auto reports = Run();
  EXPECT_EQ(reports[0].action, Action::kFullRefresh);
  EXPECT_THAT(reports[0].reason, HasSubstr("was rolled back"));
  EXPECT_EQ(CountRows(kSilver), CountRows(lake::ParsedEvents({})));
  EXPECT_EQ(Run()[0].action, Action::kUpToDate);
}

// Commits that leave no snapshot but their own and those of tags.
class ExpiredHistoryTest : public RunRaceTest {
 protected:
  static iceberg::RetentionPolicy KeepNone() {
    iceberg::RetentionPolicy policy = lake::DefaultRetention();
    policy.max_snapshots = policy.min_snapshots = 1;
    policy.keep_all_ms = policy.interval_ms = 1;
    return policy;
  }
  // As a compaction does that finds little to do.
  void RewriteAndExpire(const iceberg::TableIdentifier& table, int times) {
    for (int i = 0; i < times; ++i) {
      clock_.Advance(1'000'000);
      iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
      transaction.Add(table, iceberg::AppendFiles({}, {}));
      transaction.Add(table, iceberg::ExpireSnapshots(KeepNone()));
      Must(transaction.Commit());
    }
  }
};

TEST_F(ExpiredHistoryTest, SnapshotsThatExpiredBehindThePositionAreNoRollback) {
  AddEvents(100);
  Run();
  RewriteAndExpire(kSilver, 3);
  RewriteAndExpire(kGold, 3);
  const auto position = Must(lake::ReadPosition(LoadTable(kGold), kSilver));
  ASSERT_FALSE(iceberg::IsAncestorOf(*LoadTable(kGold).metadata, *position.tagged_snapshot,
                                     *LoadTable(kGold).metadata->current_snapshot_id));
  EXPECT_EQ(Run()[1].action, Action::kOverwritten) << "Silver has another snapshot";
  RewriteAndExpire(kSilver, 3);
  AddEvents(50);
  const auto reports = Run();
  EXPECT_EQ(reports[0].action, Action::kAppended) << reports[0].reason;
  EXPECT_EQ(reports[1].action, Action::kOverwritten) << reports[1].reason;
  EXPECT_EQ(CountRows(kSilver), CountRows(lake::ParsedEvents({})));
}

TEST_F(ExpiredHistoryTest, ARollbackThatLiesBehindExpiredSnapshotsIsNotTakenForNone) {
  AddEvents(100);
  Run();
  const int64_t first = *LoadTable(kSilver).metadata->current_snapshot_id;
  AddEvents(100);
  Run();
  iceberg::Transaction back(warehouse_->catalog(), warehouse_->update_context());
  back.Add(kSilver, iceberg::RollbackTo(first));
  Must(back.Commit());
  RewriteAndExpire(kSilver, 3);
  const auto reports = Run();
  EXPECT_EQ(reports[0].action, Action::kFullRefresh);
  EXPECT_EQ(reports[0].reason,
            "snapshots of silver.silver_github_events after what it had of "
            "silver.github_events_parsed have expired, so that it may have been rolled back behind "
            "that");
  EXPECT_EQ(CountRows(kSilver), CountRows(lake::ParsedEvents({})));
}

// Others may add to the table meanwhile.
TEST_F(RunRaceTest, AForeignCommitBetweenPlanAndCommitDisturbsNoAppend) {
  AddEvents(100);
  Run();
  AddEvents(100);
  HookCatalog().before_commit.push_back([&] {
    iceberg::Transaction other(others_->catalog(), others_->update_context());
    other.Add(kSilver, iceberg::AppendFiles({}, {}));
    Must(other.Commit());
  });
  EXPECT_EQ(Run()[0].action, Action::kAppended);
  EXPECT_EQ(CountRows(kSilver), CountRows(lake::ParsedEvents({})));
}

TEST_F(RunRaceTest, WhoLosesRaceAfterRaceGivesUpAndSaysSo) {
  AddEvents(100);
  Run();
  const int64_t files = CountDataFiles(kSilver);
  auto& catalog = HookCatalog();
  int winners = 0;
  for (int race = 0; race < 20; ++race) {
    catalog.before_commit.push_back([&] {
      // Adds nothing, but moves the table.
      iceberg::Transaction other(others_->catalog(), others_->update_context());
      other.Add(kSilver, iceberg::AppendFiles({}, {}));
      Must(other.Commit());
      ++winners;
    });
  }
  RunOptions full;
  full.full_refresh = true;
  const auto lost = TryRun(full);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(lost.error().message,
              HasSubstr("model silver_github_events: gave up after 10 races lost in a row"));
  EXPECT_EQ(winners, 10);
  EXPECT_EQ(CountDataFiles(kSilver), files) << "what the losers wrote is gone";
  // The next that is left alone gets done.
  catalog.before_commit.clear();
  EXPECT_EQ(Must(TryRun(full))[0].action, Action::kFullRefresh);
}

TEST_F(RunRaceTest, AnUnknownOutcomeRemovesNothing) {
  AddEvents(100);
  Run();
  AddEvents(100);
  const int64_t before = CountDataFiles(kSilver);
  HookCatalog().fall_silent = true;
  const auto reports = TryRun();
  ASSERT_FALSE(reports);
  EXPECT_EQ(reports.error().kind, ErrorKind::kCommitStateUnknown);
  warehouse_ = std::move(others_);
  EXPECT_GT(CountDataFiles(kSilver), before);
}

}  // namespace
}  // namespace octolake::model
