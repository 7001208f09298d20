#include "model/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/no_threads_for_test.h"
#include "iceberg/expire_snapshots.h"
#include "iceberg/transaction.h"
#include "lake/position.h"
#include "lake/table_version.h"
#include "model/relations.h"
#include "model/run_for_test.h"

namespace octolake::model {
namespace {

using lake::Must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Action = ModelReport::Action;
using Outcome = TestReport::Outcome;

class RunTest : public ModelRunTest {
 protected:
  std::vector<TestReport> Test(const TestOptions& options = {}) {
    IgnoreProgress progress;
    return Must(RunDataTests(*warehouse_, bundle_, options, progress));
  }

  DataTest TestOf(const std::string& name, Severity severity, const std::string& sql) {
    DataTest test;
    test.unique_id = "test.o." + name;
    test.name = name;
    test.severity = severity;
    test.sql = sql;
    test.fail_calc = "count(*)";
    test.warn_if = test.error_if = "!= 0";
    test.depends_on = {"model.octolake.gold_user_activity"};
    return test;
  }
};

TEST_F(RunTest, FirstRunIsAFullRefreshAndTheSecondFindsNothingNew) {
  AddEvents(400);
  const auto first = Run();
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].action, Action::kFullRefresh);
  EXPECT_EQ(first[0].reason, "");
  EXPECT_EQ(first[0].rows, CountRows(lake::ParsedEvents({})));
  EXPECT_GT(first[1].rows, 0);

  const auto snapshot = LoadTable(kGold).metadata->current_snapshot_id;
  const auto second = Run();
  EXPECT_EQ(second[0].action, Action::kUpToDate);
  EXPECT_EQ(second[1].action, Action::kUpToDate);
  EXPECT_EQ(LoadTable(kGold).metadata->current_snapshot_id, snapshot);
}

TEST_F(RunTest, IncrementsEqualAFullRefresh) {
  AddEvents(300);
  Run();
  AddEvents(200);
  const auto reports = Run();
  EXPECT_EQ(reports[0].action, Action::kAppended);
  EXPECT_EQ(reports[1].action, Action::kOverwritten);
  const auto increments = Rows(kGoldRows);
  const auto days = Rows("SELECT DISTINCT activity_date FROM gold.gold_user_activity");
  EXPECT_LT(reports[1].partitions.size(), days.size() + 1);

  RunOptions full;
  full.full_refresh = true;
  EXPECT_EQ(Run(full)[1].action, Action::kFullRefresh);
  EXPECT_EQ(Rows(kGoldRows), increments);
  EXPECT_GT(increments.size(), 0u);
}

TEST_F(RunTest, PositionsStandInTheCommitAndHoldTheSource) {
  AddEvents(100);
  Run();
  const auto parsed = LoadTable(lake::ParsedEvents({}));
  const auto position = Must(lake::ReadPosition(LoadTable(kSilver), lake::ParsedEvents({})));
  EXPECT_EQ(position.consumed_snapshot, parsed.metadata->current_snapshot_id);
  EXPECT_EQ(position.tagged_snapshot, LoadTable(kSilver).metadata->current_snapshot_id);
  const auto* consumed = parsed.metadata->FindRef(lake::ConsumedTag(kSilver));
  ASSERT_NE(consumed, nullptr);
  EXPECT_EQ(consumed->snapshot_id, parsed.metadata->current_snapshot_id);
}

TEST_F(RunTest, AChangedModelIsRefreshedInFull) {
  AddEvents(100);
  Run();
  bundle_.models.at(1).full_sql += "\n-- another definition";
  const auto reports = Run();
  EXPECT_EQ(reports[0].action, Action::kUpToDate);
  EXPECT_EQ(reports[1].action, Action::kFullRefresh);
  EXPECT_EQ(reports[1].reason, "the model's definition changed");
}

TEST_F(RunTest, AModelWithOtherColumnsIsRefreshedInFull) {
  AddEvents(100);
  Run();
  const auto before = Rows(kGoldRows);
  const int64_t first = *LoadTable(kGold).metadata->current_snapshot_id;
  const int32_t last_id = LoadTable(kGold).metadata->last_column_id;
  const int32_t total_id =
      LoadTable(kGold).metadata->CurrentSchema().FindByName("total_events")->id;
  // As an earlier octolake may have had it: one column less, one more, one of another type.
  Model& gold = bundle_.models.at(1);
  const Model now = gold;
  for (model::Column& column : gold.columns) {
    if (column.name == "created_at") {
      column.name = "made_by";
      column.type = "VARCHAR";
    }
    if (column.name == "total_events") column.type = "VARCHAR";
  }
  const std::string change =
      "SELECT * EXCLUDE (created_at) REPLACE (total_events::VARCHAR AS "
      "total_events), 'me' AS made_by FROM (";
  const auto made_by =
      std::find_if(gold.columns.begin(), gold.columns.end(),
                   [](const model::Column& column) { return column.name == "made_by"; });
  std::rotate(made_by, made_by + 1, gold.columns.end());
  gold.full_sql = change + gold.full_sql + "\n)";
  const auto reports = Run();
  EXPECT_EQ(reports[0].action, Action::kUpToDate);
  EXPECT_EQ(reports[1].action, Action::kFullRefresh);
  EXPECT_EQ(reports[1].reason, "the model's columns changed");
  const auto earlier = LoadTable(kGold);
  EXPECT_EQ(earlier.metadata->CurrentSchema().FindByName("created_at"), nullptr);
  EXPECT_GT(earlier.metadata->CurrentSchema().FindByName("total_events")->id, last_id);
  EXPECT_THAT(Rows("SELECT DISTINCT made_by, typeof(total_events) FROM gold.gold_user_activity"),
              ElementsAre("me|VARCHAR|"));

  gold = now;
  EXPECT_EQ(Run()[1].action, Action::kFullRefresh);
  EXPECT_EQ(Rows(kGoldRows), before);
  EXPECT_NE(LoadTable(kGold).metadata->CurrentSchema().FindByName("total_events")->id, total_id);
  AsOf then;
  then.snapshot_id = first;
  EXPECT_EQ(Rows(kGoldRows, then), before);
  // Increments go on from there.
  AddEvents(50);
  EXPECT_EQ(Run()[1].action, Action::kOverwritten);
  const auto increments = Rows(kGoldRows);
  RunOptions full;
  full.full_refresh = true;
  Run(full);
  EXPECT_EQ(Rows(kGoldRows), increments);
}

TEST_F(RunTest, AModelWithOtherPartitionsIsRefused) {
  AddEvents(100);
  Run();
  bundle_.models.at(1).partition_by = {{"activity_date", "month"}};
  const auto reports = TryRun();
  ASSERT_FALSE(reports);
  EXPECT_EQ(reports.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(reports.error().message,
              HasSubstr("table gold.gold_user_activity is partitioned by identity(activity_date), "
                        "its model by month(activity_date): drop the table"));
}

TEST_F(RunTest, AModelsTableOfANewerOctolakeIsOnlyRead) {
  AddEvents(100);
  Run();
  const auto rows = Rows(kGoldRows);
  iceberg::Transaction newer(warehouse_->catalog(), warehouse_->update_context());
  newer.Add(kGold, iceberg::SetProperties({{lake::kDefinitionVersionProperty, "2"}}));
  Must(newer.Commit());
  const auto reports = TryRun();
  ASSERT_FALSE(reports);
  EXPECT_EQ(reports.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(reports.error().message, HasSubstr("table gold.gold_user_activity was written by a "
                                                 "newer octolake"));
  EXPECT_EQ(Rows(kGoldRows), rows);
}

TEST_F(RunTest, ARewrittenSourceMeansAFullRefresh) {
  AddEvents(100);
  Run();
  // Somebody deletes all of silver_github_events.
  iceberg::Transaction empty(warehouse_->catalog(), warehouse_->update_context());
  empty.Add(kSilver, iceberg::OverwriteAll({}, {}));
  Must(empty.Commit());

  RunOptions gold;
  gold.select = {"gold_user_activity"};
  const auto reports = Run(gold);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].action, Action::kFullRefresh);
  EXPECT_THAT(reports[0].reason, HasSubstr("silver.silver_github_events"));
  EXPECT_EQ(reports[0].rows, 0);
}

TEST_F(RunTest, TheLoserOfARaceStartsOver) {
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
TEST_F(RunTest, ARollbackBetweenPlanAndCommitMeansAFullRefresh) {
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
class ExpiredHistoryTest : public RunTest {
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
TEST_F(RunTest, AForeignCommitBetweenPlanAndCommitDisturbsNoAppend) {
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

TEST_F(RunTest, WhoLosesRaceAfterRaceGivesUpAndSaysSo) {
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

TEST_F(RunTest, WithoutThreadsStepsFailAndLeaveNothing) {
  AddEvents(100);
  Run();
  const int64_t files = CountDataFiles(kSilver);
  {
    const NoMoreThreads limit;
    RunOptions full;
    full.full_refresh = true;
    full.session.threads = 1;
    const auto report = TryRun(full);
    ASSERT_FALSE(report);
    EXPECT_THAT(report.error().message, HasSubstr("no thread can be started to write data files"));
    IgnoreProgress progress;
    TestOptions options;
    options.session.threads = 2;
    const auto tests = RunDataTests(*warehouse_, bundle_, options, progress);
    ASSERT_FALSE(tests);
    EXPECT_EQ(tests.error().kind, ErrorKind::kResourceExhausted);
    EXPECT_THAT(tests.error().message, HasSubstr("to run data tests"));
  }
  EXPECT_EQ(CountDataFiles(kSilver), files);
  for (const TestReport& test : Test()) EXPECT_EQ(test.outcome, Outcome::kPassed) << test.name;
}

TEST_F(RunTest, AnUnknownOutcomeRemovesNothing) {
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

TEST_F(RunTest, TablesAndViewsAreMaterialised) {
  AddEvents(100);
  Run();
  Model view;
  view.relation = {"model.o.busy", "gold", "busy"};
  view.materialization = Materialization::kView;
  view.full_sql = R"(SELECT * FROM "demo"."gold"."gold_user_activity" WHERE total_events > 1)";
  view.depends_on = {"model.octolake.gold_user_activity"};
  Model table;
  table.relation = {"model.o.busy_days", "gold", "busy_days"};
  table.materialization = Materialization::kTable;
  table.columns = {{"activity_date", "DATE", "", false}, {"actors", "BIGINT", "", false}};
  table.full_sql =
      R"(SELECT activity_date, count(*) AS actors FROM "demo"."gold"."busy" GROUP BY 1)";
  table.depends_on = {"model.o.busy"};
  bundle_.models.push_back(view);
  bundle_.models.push_back(table);

  const auto reports = Run();
  ASSERT_EQ(reports.size(), 4u);
  EXPECT_EQ(reports[2].action, Action::kView);
  EXPECT_EQ(reports[3].action, Action::kFullRefresh);
  const auto expected = Rows(
      "SELECT activity_date, count(*) FROM gold.gold_user_activity WHERE total_events > 1 "
      "GROUP BY 1 ORDER BY 1");
  ASSERT_GT(expected.size(), 0u);
  EXPECT_EQ(Rows("SELECT * FROM gold.busy_days ORDER BY 1"), expected);
  EXPECT_EQ(Rows("SELECT activity_date, count(*) FROM gold.busy GROUP BY 1 ORDER BY 1"), expected);
}

TEST_F(RunTest, AnUnknownModelIsNamed) {
  RunOptions options;
  options.select = {"gold_user_activty"};
  const auto reports = TryRun(options);
  ASSERT_FALSE(reports);
  EXPECT_THAT(reports.error().message, HasSubstr("'gold_user_activty'"));
  EXPECT_THAT(reports.error().message, HasSubstr("gold_user_activity"));
}

TEST_F(RunTest, TheEmbeddedTestsPassOnSyntheticEvents) {
  AddEvents(500);
  Run();
  for (const TestReport& report : Test()) {
    EXPECT_TRUE(report.outcome == Outcome::kPassed || report.outcome == Outcome::kWarned)
        << report.name << ": " << report.failures << " " << report.error;
  }
}

TEST_F(RunTest, SeverityAndThresholdsDecideTheOutcome) {
  AddEvents(50);
  Run();
  const std::string three = "SELECT * FROM range(3)";
  bundle_.tests = {TestOf("fails", Severity::kError, three),
                   TestOf("warns", Severity::kWarn, three),
                   TestOf("passes", Severity::kError, "SELECT 1 WHERE false"),
                   TestOf("broken", Severity::kError, "SELECT * FROM nowhere")};
  DataTest tolerant = TestOf("tolerant", Severity::kError, three);
  tolerant.error_if = "> 3";
  bundle_.tests.push_back(tolerant);
  const auto reports = Test();
  ASSERT_EQ(reports.size(), 5u);
  EXPECT_EQ(reports[0].outcome, Outcome::kFailed);
  EXPECT_EQ(reports[0].failures, 3);
  EXPECT_EQ(reports[1].outcome, Outcome::kWarned);
  EXPECT_EQ(reports[2].outcome, Outcome::kPassed);
  EXPECT_EQ(reports[3].outcome, Outcome::kErrored);
  EXPECT_THAT(reports[3].error, HasSubstr("nowhere"));
  EXPECT_EQ(reports[4].outcome, Outcome::kWarned);
}

TEST_F(RunTest, FailingRowsAreStoredAndReplaced) {
  AddEvents(50);
  Run();
  bundle_.tests = {TestOf("odd", Severity::kError, "SELECT 7::BIGINT AS n, 'x' AS t")};
  TestOptions options;
  options.store_failures = true;
  EXPECT_EQ(Test(options).at(0).stored_in, "test_failures.odd");
  Test(options);
  EXPECT_THAT(Rows("SELECT n, t FROM test_failures.odd"), ElementsAre("7|x|"));
  bundle_.tests.at(0).sql = "SELECT 7::BIGINT AS n, 'x' AS t WHERE false";
  Test(options);
  EXPECT_THAT(Rows("SELECT n FROM test_failures.odd"), IsEmpty());
  bundle_.tests.at(0).sql = "SELECT DATE '2015-01-01' AS d";
  Test(options);
  EXPECT_EQ(Rows("SELECT d FROM test_failures.odd").size(), 1u);
}

TEST_F(RunTest, FreshnessFollowsTheClock) {
  IgnoreProgress progress;
  using Fresh = FreshnessReport::Outcome;
  const auto outcome = [&] { return Must(CheckFreshness(*warehouse_, bundle_, {})).at(0).outcome; };
  EXPECT_EQ(outcome(), Fresh::kEmpty);
  AddEvents(10);
  EXPECT_EQ(outcome(), Fresh::kFresh);
  clock_.Advance(int64_t{3} * 3600 * 1'000'000);
  EXPECT_EQ(outcome(), Fresh::kWarned);
  clock_.Advance(int64_t{4} * 3600 * 1'000'000);
  EXPECT_EQ(outcome(), Fresh::kStale);
}

TEST_F(RunTest, SessionsSeeTheTablesAsTheyWere) {
  AddEvents(100);
  const auto first = Bronze();
  AddEvents(50);
  AsOf snapshot;
  snapshot.snapshot_id = first.metadata->current_snapshot_id;
  AsOf time;
  time.timestamp_ms = first.metadata->last_updated_ms;
  const std::string count = "SELECT count(*) FROM bronze.github_events";
  const auto then = Rows(count, snapshot);
  EXPECT_EQ(Rows(count, time), then);
  EXPECT_NE(Rows(count), then);

  AsOf unknown;
  unknown.snapshot_id = 1;
  const auto session = OpenWarehouseSession(*warehouse_, bundle_, unknown, {});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::kNotFound);
}

TEST_F(RunTest, AnUnreadableTableSpoilsOnlyItsOwnQueries) {
  AddEvents(20);
  const auto bronze = Bronze();
  const std::string list = bronze.metadata->CurrentSnapshot()->manifest_list;
  Must(warehouse_->file_system().Remove(list));
  EXPECT_EQ(Rows("SELECT count(*) FROM silver.github_events_parsed").size(), 1u);
  auto session = Must(OpenWarehouseSession(*warehouse_, bundle_, {}, {}));
  auto result = session->Query("SELECT * FROM bronze.github_events");
  Status status;
  if (!result) {
    status = tl::unexpected<Error>(result.error());
  } else if (auto batch = (*result)->Next(); !batch) {
    status = tl::unexpected<Error>(batch.error());
  }
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("bronze.github_events cannot be read"));
}

}  // namespace
}  // namespace octolake::model
