// Silver with some of Bronze's sources, then with others.
#include "lake/source_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/transaction.h"
#include "iceberg/update.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr char kDay[] = "2015-01-01T12:00:00Z";

class SourceSelectionTest : public WarehouseTest {
 protected:
  void LoadFrom(const std::string& source, const std::string& id) {
    LoadOptions options;
    options.source = source;
    Load({WriteFile(source + id + ".json", EventLine(id, kDay))}, options);
  }
  SilverReport Take(SourceSelection sources, int64_t commit_rows = 4'000'000) {
    SilverOptions options;
    options.sources = std::move(sources);
    options.commit_rows = commit_rows;
    return Silver(options);
  }
  void Commit(std::unique_ptr<iceberg::TableUpdate> update) {
    iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
    transaction.Add(ParsedEvents({}), std::move(update));
    Must(transaction.Commit());
  }
  std::vector<std::string> Ids() { return Column(ParsedEvents({}), "event_id"); }
};

TEST_F(SourceSelectionTest, Select) {
  LoadFrom("gharchive", "1");
  LoadFrom("events_api", "2");
  const SilverReport report = Take({"events_api", "collect"});
  EXPECT_EQ(report.bronze_rows, 1);
  EXPECT_THAT(Ids(), ElementsAre("2"));
}

TEST_F(SourceSelectionTest, WhatWasPassedOverComesWhenItsSourceIsTaken) {
  LoadFrom("gharchive", "1");
  LoadFrom("events_api", "2");
  LoadFrom("webhook", "3");
  EXPECT_EQ(Take({"webhook", "collect", "webhook"}).added, 1);
  EXPECT_EQ(
      Parsed().metadata->CurrentSnapshot()->summary.at("octolake.sources.bronze.github_events"),
      R"(["collect","webhook"])");
  // In whatever order they are named.
  EXPECT_EQ(Take({"collect", "webhook"}).rescan_reason, "");

  const SilverReport more = Take({"events_api", "webhook"});
  EXPECT_EQ(more.rescan_reason, "it passed over events_api before, and takes that now");
  EXPECT_EQ(more.added, 1);
  EXPECT_EQ(more.duplicates, 1);
  const SilverReport all = Take({});
  EXPECT_EQ(all.rescan_reason,
            "it took only events_api, webhook before, and takes all sources now");
  EXPECT_EQ(all.added, 1);
  EXPECT_THAT(Ids(), UnorderedElementsAre("1", "2", "3"));
  EXPECT_EQ(Take({}).commits, 0);
}

TEST_F(SourceSelectionTest, FewerThanBeforeNeedNothingAgainAndTakeNothingAway) {
  LoadFrom("gharchive", "1");
  LoadFrom("webhook", "2");
  Take({});
  LoadFrom("gharchive", "3");
  LoadFrom("webhook", "4");
  const SilverReport fewer = Take({"webhook"});
  EXPECT_EQ(fewer.rescan_reason, "");
  EXPECT_EQ(fewer.bronze_rows, 1);
  EXPECT_THAT(Ids(), UnorderedElementsAre("1", "2", "4"));
  EXPECT_NE(Take({}).rescan_reason, "");
  EXPECT_THAT(Ids(), UnorderedElementsAre("1", "2", "3", "4"));
}

// The position goes back to the first commit's, and says what has been taken up to there.
TEST_F(SourceSelectionTest, ARescanThatEndsEarlyIsGoneOnWith) {
  LoadFrom("gharchive", "1");
  LoadFrom("gharchive", "2");
  LoadFrom("webhook", "3");
  Take({"webhook"});
  HookedCatalog& catalog = HookCatalog();
  catalog.before_commit = {[&] { catalog.fall_silent = true; }};  // after this one
  SilverOptions options;
  options.commit_rows = 1;
  IgnoreProgress progress;
  ASSERT_FALSE(RunSilver(*warehouse_, options, progress));
  warehouse_ = std::move(others_);
  EXPECT_EQ(CountRows(ParsedEvents({})), 2);
  const SilverReport rest = Take({});
  EXPECT_EQ(rest.rescan_reason, "");
  EXPECT_THAT(Ids(), UnorderedElementsAre("1", "2", "3"));
}

TEST_F(SourceSelectionTest, ASelectionThatCannotBeReadIsCorruption) {
  LoadFrom("webhook", "1");
  Silver();
  const std::string position = std::to_string(*Bronze().metadata->current_snapshot_id);
  Commit(iceberg::AppendFiles({}, {{"octolake.position.bronze.github_events", position},
                                   {"octolake.sources.bronze.github_events", "webhook"}}));
  Commit(iceberg::SetTag("octolake.bronze.github_events", std::nullopt));
  IgnoreProgress progress;
  const auto report = RunSilver(*warehouse_, {}, progress);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(report.error().message, HasSubstr("should hold a JSON array of sources as "
                                                "octolake.sources.bronze.github_events, found "
                                                "'webhook'; remove tag "));
}

}  // namespace
}  // namespace octolake::lake
