// Each document of a feed is in Bronze or among the rejected rows exactly once, whatever happens in
// between.
#include "lake/feed_committer.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char kFeed[] = "repos/octo/lake";
constexpr const char kOther[] = "orgs/octo";

class FeedCommitterTest : public WarehouseTest {
 protected:
  // A process that polls: what it knows of a feed, and its commits.
  struct Poller {
    explicit Poller(Warehouse& where, const char* what = kFeed)
        : warehouse(where), feed(what), position(Must(ReadFeedPosition(where, what))) {}

    Result<FeedCommitReport> Commit(const std::vector<std::string>& events,
                                    const std::string& state) {
      return CommitFeed(warehouse, feed, events, state, {}, &position);
    }

    Warehouse& warehouse;
    const std::string feed;
    FeedPosition position;
  };

  std::vector<std::string> Ids() {
    auto ids = Column(BronzeEvents({}), "id");
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  std::string State(const char* feed = kFeed) {
    return Must(ReadFeedPosition(*warehouse_, feed)).state;
  }
  static std::string Event(const std::string& id) { return EventLine(id, "2026-01-02T00:00:00Z"); }
};

TEST_F(FeedCommitterTest, RowsAndWhatIsKnownGoTogether) {
  Poller poller(*warehouse_);
  EXPECT_EQ(poller.position.tagged_snapshot, std::nullopt);
  EXPECT_EQ(poller.position.state, "");
  const FeedCommitReport report = Must(poller.Commit({Event("1"), Event("2")}, "a"));
  EXPECT_EQ(report.events, 2);
  EXPECT_EQ(report.rejected, 0);
  EXPECT_THAT(report.warnings, IsEmpty());
  EXPECT_EQ(poller.position.tagged_snapshot, Bronze().metadata->current_snapshot_id);
  // Another process reads the same, and goes on.
  Poller another(*warehouse_);
  EXPECT_EQ(another.position.state, "a");
  EXPECT_EQ(State(kOther), "");
  EXPECT_EQ(Must(another.Commit({Event("3")}, "b")).events, 1);
  EXPECT_EQ(Must(another.Commit({Event("4")}, "c")).events, 1);
  EXPECT_EQ(State(), "c");
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3", "4"));
}

TEST_F(FeedCommitterTest, RowsHaveTheirSourceAndTheOrderGiven) {
  Must(Poller(*warehouse_).Commit({Event("1"), Event("2")}, "a"));
  const auto bronze = BronzeEvents({});
  EXPECT_THAT(Column(bronze, "source"), ElementsAre("events_api", "events_api"));
  EXPECT_THAT(Column(bronze, "ingestion_date"), ElementsAre("2026-01-02", "2026-01-02"));
  EXPECT_THAT(Column(bronze, "id"), ElementsAre("1", "2"));
  const auto traces = Column(bronze, "trace_id");
  EXPECT_LT(traces.at(0), traces.at(1));
}

TEST_F(FeedCommitterTest, WhatIsNoEventIsRejectedInTheSameCommit) {
  Poller poller(*warehouse_);
  const FeedCommitReport report =
      Must(poller.Commit({"5", Event("1"), R"({"id":"2","type":"T"})"}, "a"));
  EXPECT_EQ(report.events, 1);
  EXPECT_EQ(report.rejected, 2);
  const auto rejected = RejectedEvents({});
  EXPECT_THAT(Column(rejected, "reason"), ElementsAre(HasSubstr("object"), "no created_at"));
  EXPECT_THAT(Column(rejected, "ordinal"), ElementsAre("0", "2"));
  EXPECT_THAT(Column(rejected, "source_file"),
              ElementsAre("feed repos/octo/lake", "feed repos/octo/lake"));
  // Also without a row of Bronze.
  EXPECT_EQ(Must(poller.Commit({"6"}, "b")).rejected, 1);
  EXPECT_EQ(State(), "b");
  EXPECT_THAT(Ids(), ElementsAre("1"));
}

TEST_F(FeedCommitterTest, OfTwoThatPollAFeedOneStartsOver) {
  Poller slow(*warehouse_);
  Poller fast(*warehouse_);
  Must(fast.Commit({Event("1")}, "fast"));
  const auto lost = slow.Commit({Event("1"), Event("2")}, "slow");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kCommitConflict) << lost.error().message;
  EXPECT_EQ(State(), "fast");
  EXPECT_THAT(Ids(), ElementsAre("1"));
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 1);
}

TEST_F(FeedCommitterTest, AnotherComesFirstBetweenWritingAndCommitting) {
  HookedCatalog& catalog = HookCatalog();
  Poller poller(*warehouse_);
  catalog.before_commit.push_back([this] { Must(Poller(*others_).Commit({Event("1")}, "x")); });
  const auto lost = poller.Commit({Event("1")}, "y");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kCommitConflict) << lost.error().message;
  EXPECT_EQ(State(), "x");
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 1);
}

TEST_F(FeedCommitterTest, OtherFeedsAndLoadsInBetweenHurtNobody) {
  HookedCatalog& catalog = HookCatalog();
  Poller poller(*warehouse_);
  catalog.before_commit.push_back([this] {
    Must(Poller(*others_, kOther).Commit({Event("1")}, "x"));
    IgnoreProgress progress;
    const auto file = WriteFile("a.json", Event("file"));
    EXPECT_EQ(Must(LoadFiles(*others_, {file}, {}, progress)).events, 1);
  });
  EXPECT_EQ(Must(poller.Commit({Event("1")}, "y")).events, 1);
  EXPECT_EQ(Must(poller.Commit({Event("2")}, "z")).events, 1);
  EXPECT_EQ(State(), "z");
  EXPECT_EQ(State(kOther), "x");
  EXPECT_THAT(Ids(), ElementsAre("1", "1", "2", "file"));
}

TEST_F(FeedCommitterTest, ALostReplyIsLookedUp) {
  for (const bool takes_effect : {true, false}) {
    SCOPED_TRACE(takes_effect);
    const std::string id = takes_effect ? "1" : "2";
    HookedCatalog& catalog = HookCatalog();
    catalog.loss = std::make_shared<ReplyLoss>();
    catalog.loss->takes_effect = takes_effect;
    EXPECT_EQ(Must(Poller(*warehouse_).Commit({Event(id)}, id)).events, 1);
    EXPECT_EQ(State(), id);
    warehouse_ = std::move(others_);
  }
  EXPECT_THAT(Ids(), ElementsAre("1", "2"));
}

TEST_F(FeedCommitterTest, AnUnknownOutcomeIsNeitherDeletedNorRepeated) {
  HookedCatalog& catalog = HookCatalog();
  Poller poller(*warehouse_);
  catalog.loss = std::make_shared<ReplyLoss>();
  catalog.loss->then_silent = true;
  const auto report = poller.Commit({Event("1")}, "a");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCommitStateUnknown) << report.error().message;
  EXPECT_FALSE(ReadFeedPosition(*warehouse_, kFeed));
  warehouse_ = std::move(others_);
  // It had taken effect, and says so.
  EXPECT_EQ(State(), "a");
  EXPECT_THAT(Ids(), ElementsAre("1"));
}

TEST_F(FeedCommitterTest, AnErrorLeavesNoFiles) {
  HookedCatalog& catalog = HookCatalog();
  Poller poller(*warehouse_);
  catalog.before_commit.push_back([&] { Must(others_->catalog().DropTable(BronzeEvents({}))); });
  const auto report = poller.Commit({Event("1")}, "a");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kNotFound) << report.error().message;
  const std::string data = directory_ + "/warehouse/bronze/github_events/data";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
    EXPECT_FALSE(entry.is_regular_file()) << entry.path();
  }
  // The next turn begins with tables anew.
  EXPECT_EQ(State(), "");
  EXPECT_EQ(Must(Poller(*warehouse_).Commit({Event("1")}, "a")).events, 1);
  EXPECT_THAT(Ids(), ElementsAre("1"));
}

}  // namespace
}  // namespace octolake::lake
