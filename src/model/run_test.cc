#include "model/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/no_threads_for_test.h"
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
using Action = ModelReport::Action;
using Outcome = TestReport::Outcome;

using RunTest = ModelRunTest;

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

}  // namespace
}  // namespace octolake::model
