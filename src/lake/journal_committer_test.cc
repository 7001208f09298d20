// Each record of a journal is in Bronze or among the rejected rows exactly once, whatever happens
// in between. tests/crash_points has the faults of disk and catalog.
#include "lake/journal_committer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "base/civil_time.h"
#include "journal/journal.h"
#include "lake/journal_for_test.h"
#include "lake/position.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JournalCommitterTest : public JournalTest {
 protected:
  std::unique_ptr<JournalCommitter> Open(JournalCommitOptions options = {}) {
    return Must(JournalCommitter::Open(*warehouse_, **journal_, options));
  }
  std::vector<std::string> Ids() { return Sorted(Column(BronzeEvents({}), "id")); }
  static std::vector<std::string> Sorted(std::vector<std::string> values) {
    std::sort(values.begin(), values.end());
    return values;
  }
  void PutEvent(const std::string& id) {
    journal_->Put("collect", EventLine(id, "2026-01-02T00:00:00Z"));
  }
};

TEST_F(JournalCommitterTest, CommitsWhatIsThereOnce) {
  const auto committer = Open();
  EXPECT_EQ(Must(committer->CommitNext()).last_sequence, 0u);
  PutEvent("1");
  PutEvent("2");
  const JournalCommitReport report = Must(committer->CommitNext());
  EXPECT_EQ(report.events, 2);
  EXPECT_EQ(report.rejected, 0);
  EXPECT_EQ(report.first_sequence, 1u);
  EXPECT_EQ(report.last_sequence, 2u);
  EXPECT_EQ(report.oldest_received_at, kTestNow);
  EXPECT_EQ(report.snapshot_id, Bronze().metadata->current_snapshot_id);
  EXPECT_EQ(Must(committer->CommitNext()).events, 0);
  EXPECT_EQ(Bronze().metadata->snapshots.size(), 1u);
  PutEvent("3");
  EXPECT_EQ(Must(Open()->CommitNext()).events, 1);
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3"));
}

TEST_F(JournalCommitterTest, RowsHaveTheEnvelopesTimeTraceAndSource) {
  const Uuid trace = journal_->Put("events_api", EventLine("1", "2026-01-02T00:00:00Z"));
  clock_.Advance(kMicrosPerDay);
  journal_->Put("webhook", R"({"sender":{"id":5,"login":"bob"}})", "d-1",
                {{"X-GitHub-Event", "push"}, {"X-GitHub-Hook-ID", "3"}});
  EXPECT_EQ(Must(Open()->CommitNext()).events, 2);
  const auto bronze = BronzeEvents({});
  EXPECT_THAT(Column(bronze, "trace_id"), ::testing::Contains(trace.ToString()));
  EXPECT_THAT(Sorted(Column(bronze, "source")), ElementsAre("events_api", "webhook"));
  EXPECT_THAT(Sorted(Column(bronze, "ingestion_date")), ElementsAre("2026-01-02", "2026-01-03"));
  EXPECT_THAT(Sorted(Column(bronze, "type")), ElementsAre("PushEvent", "WatchEvent"));
  EXPECT_THAT(Sorted(Column(bronze, "delivery_id")), ElementsAre("NULL", "d-1"));
  EXPECT_THAT(Column(bronze, "source_file"), ElementsAre("NULL", "NULL"));
  EXPECT_THAT(Sorted(Column(bronze, "actor_login")), ElementsAre("ada", "bob"));
}

TEST_F(JournalCommitterTest, WhatIsNoEventIsRejectedWithReasonAndPlace) {
  PutEvent("1");
  journal_->Put("collect", R"({"type":"T"})");
  journal_->Put("collect", "\xFF{}");
  journal_->Put("collect", "");
  journal_->Put("collect", R"({"id":"2","type":"T","created_at":"2026-01-02T00:00:00Z"} {})");
  journal_->Put("webhook", "{}", "d");
  const JournalCommitReport report = Must(Open()->CommitNext());
  EXPECT_EQ(report.events, 1);
  EXPECT_EQ(report.rejected, 5);
  const auto rejected = RejectedEvents({});
  EXPECT_THAT(Column(rejected, "reason"),
              ElementsAre("no created_at", HasSubstr("invalid UTF-8"), HasSubstr("invalid JSON"),
                          HasSubstr("expected the end"), "no X-GitHub-Event"));
  EXPECT_THAT(Column(rejected, "ordinal"), ElementsAre("2", "3", "4", "5", "6"));
  EXPECT_THAT(Column(rejected, "byte_offset"), ElementsAre("NULL", "NULL", "NULL", "NULL", "NULL"));
  EXPECT_EQ(Column(rejected, "source_file").front(), "journal " + (*journal_)->uuid().ToString());
  EXPECT_THAT(Ids(), ElementsAre("1"));
}

TEST_F(JournalCommitterTest, ThePositionMovesWithoutARow) {
  journal_->Put("collect", "[]");
  journal_->Put("octolake.deliveries", "not for Bronze");
  const JournalCommitReport report = Must(Open()->CommitNext());
  EXPECT_EQ(report.events, 0);
  EXPECT_EQ(report.rejected, 1);
  EXPECT_EQ(report.last_sequence, 2u);
  EXPECT_EQ(Open()->position(), 2u);
  EXPECT_EQ(Must(Open()->CommitNext()).last_sequence, 0u);
}

TEST_F(JournalCommitterTest, ACommitTakesAboutMaxBytes) {
  JournalCommitOptions options;
  options.max_bytes = 1;
  for (const char* id : {"1", "2", "3"}) PutEvent(id);
  const auto committer = Open(options);
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    const JournalCommitReport report = Must(committer->CommitNext());
    EXPECT_EQ(report.first_sequence, sequence);
    EXPECT_EQ(report.last_sequence, sequence);
    EXPECT_EQ(report.next_received_at.has_value(), sequence < 3);
  }
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3"));
}

TEST_F(JournalCommitterTest, HugeBodiesAndEveryText) {
  const std::string big(20 << 20, 'x');
  const std::string text = "{\"t\":\"\xF0\x9F\x90\x99 \xE2\x80\xA8 \\u0000\"}";
  journal_->Put("collect", EventLine("1", "2026-01-02T00:00:00Z", "{\"b\":\"" + big + "\"}"));
  journal_->Put("collect", "\xEF\xBB\xBF" + EventLine("2", "2026-01-02T00:00:00Z", text));
  EXPECT_EQ(Must(Open()->CommitNext()).events, 1);
  EXPECT_EQ(Must(Open()->CommitNext()).events, 1);
  const auto payloads = Column(BronzeEvents({}), "payload");
  ASSERT_EQ(payloads.size(), 2u);
  EXPECT_THAT(payloads, ::testing::Contains(text));
  EXPECT_EQ(std::max(payloads[0].size(), payloads[1].size()), big.size() + 8);
}

TEST_F(JournalCommitterTest, OfTwoCommittersOneStartsOver) {
  PutEvent("1");
  const auto slow = Open();
  const auto fast = Open();
  EXPECT_EQ(Must(fast->CommitNext()).events, 1);
  PutEvent("2");
  const JournalCommitReport report = Must(slow->CommitNext());
  EXPECT_EQ(report.first_sequence, 2u);
  EXPECT_EQ(report.events, 1);
  EXPECT_EQ(Must(fast->CommitNext()).events, 0);
  EXPECT_THAT(Ids(), ElementsAre("1", "2"));
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 2);
}

TEST_F(JournalCommitterTest, AnotherComesFirstBetweenWritingAndCommitting) {
  PutEvent("1");
  HookedCatalog& catalog = HookCatalog();
  const auto committer = Open();
  catalog.before_commit.push_back([this] {
    EXPECT_EQ(Must(Must(JournalCommitter::Open(*others_, **journal_, {}))->CommitNext()).events, 1);
    PutEvent("2");
  });
  EXPECT_EQ(Must(committer->CommitNext()).events, 1);
  EXPECT_THAT(Ids(), ElementsAre("1", "2"));
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 2);
}

TEST_F(JournalCommitterTest, LoadsInBetweenHurtNobody) {
  PutEvent("1");
  HookedCatalog& catalog = HookCatalog();
  const auto committer = Open();
  catalog.before_commit.push_back([this] {
    IgnoreProgress progress;
    const auto file = WriteFile("a.json", EventLine("file", "2026-01-02T00:00:00Z"));
    EXPECT_EQ(Must(LoadFiles(*others_, {file}, {}, progress)).events, 1);
  });
  EXPECT_EQ(Must(committer->CommitNext()).events, 1);
  EXPECT_THAT(Ids(), ElementsAre("1", "file"));
  PutEvent("2");
  EXPECT_EQ(Must(committer->CommitNext()).events, 1);
}

TEST_F(JournalCommitterTest, ALostReplyIsLookedUp) {
  for (const bool takes_effect : {true, false}) {
    SCOPED_TRACE(takes_effect);
    PutEvent(takes_effect ? "1" : "2");
    HookedCatalog& catalog = HookCatalog();
    catalog.loss = std::make_shared<ReplyLoss>();
    catalog.loss->takes_effect = takes_effect;
    const auto committer = Open();
    EXPECT_EQ(Must(committer->CommitNext()).events, 1);
    EXPECT_EQ(Must(committer->CommitNext()).events, 0);
    warehouse_ = std::move(others_);
  }
  EXPECT_THAT(Ids(), ElementsAre("1", "2"));
}

TEST_F(JournalCommitterTest, AnUnknownOutcomeIsNeitherDeletedNorRepeated) {
  PutEvent("1");
  HookedCatalog& catalog = HookCatalog();
  const auto committer = Open();
  catalog.loss = std::make_shared<ReplyLoss>();
  catalog.loss->then_silent = true;
  const auto report = committer->CommitNext();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCommitStateUnknown) << report.error().message;
  EXPECT_EQ(committer->CommitNext().error().kind, ErrorKind::kIo);
  warehouse_ = std::move(others_);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 1);
  PutEvent("2");
  EXPECT_EQ(Must(Open()->CommitNext()).events, 1);
  EXPECT_THAT(Ids(), ElementsAre("1", "2"));
}

// The first is cut off right after its commit took effect and before it knows; another takes over
// from what the table says; then the first comes back to life, with what it remembers.
TEST_F(JournalCommitterTest, ACommitterThatComesBackAfterAFailoverCommitsNothingTwice) {
  PutEvent("1");
  PutEvent("2");
  HookedCatalog& catalog = HookCatalog();
  const auto zombie = Open();
  catalog.loss = std::make_shared<ReplyLoss>();
  catalog.loss->then_silent = true;
  ASSERT_EQ(zombie->CommitNext().error().kind, ErrorKind::kCommitStateUnknown);
  const std::unique_ptr<Warehouse> zombies = std::exchange(warehouse_, std::move(others_));
  const auto successor = Open();
  EXPECT_EQ(successor->position(), 2u);
  EXPECT_EQ(Must(successor->CommitNext()).events, 0);
  catalog.loss.reset();
  catalog.AnswerAgain();
  EXPECT_EQ(Must(zombie->CommitNext()).events, 0);
  PutEvent("3");
  EXPECT_EQ(Must(successor->CommitNext()).events, 1);
  EXPECT_EQ(Must(zombie->CommitNext()).events, 0);
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3"));
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 2);
}

TEST_F(JournalCommitterTest, EveryJournalHasAPositionOfItsOwn) {
  PutEvent("1");
  EXPECT_EQ(Must(Open()->CommitNext()).events, 1);
  const Uuid first = (*journal_)->uuid();
  journal_.emplace(directory_ + "/journal2", clock_);
  PutEvent("2");
  PutEvent("3");
  EXPECT_EQ(Open()->position(), 0u);
  EXPECT_EQ(Must(Open()->CommitNext()).events, 2);
  EXPECT_EQ(Must(ReadJournalTag(Bronze(), first)).sequence, 1u);
  EXPECT_EQ(Must(ReadJournalTag(Bronze(), (*journal_)->uuid())).sequence, 2u);
  journal_.emplace(directory_ + "/journal", clock_);
  EXPECT_EQ((*journal_)->uuid(), first);
  EXPECT_EQ(Must(Open()->CommitNext()).events, 0);
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3"));
}

TEST_F(JournalCommitterTest, AnOlderCopyOfTheJournalStopsIt) {
  PutEvent("1");
  journal_->CopyTo(directory_ + "/copy");
  PutEvent("2");
  EXPECT_EQ(Must(Open()->CommitNext()).events, 2);
  journal_.emplace(directory_ + "/copy", clock_);
  const auto opened = JournalCommitter::Open(*warehouse_, **journal_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(opened.error().message, HasSubstr("up to record 2 was consumed"));
}

TEST_F(JournalCommitterTest, AGapStopsItAndNamesWhatIsMissing) {
  PutEvent("1");
  const auto committer = Open();
  EXPECT_EQ(Must(committer->CommitNext()).events, 1);
  // Two more starts, so that the journal has three segments; then the middle one is passed by
  // somebody else, who has it removed.
  journal_.emplace(directory_ + "/journal", clock_);
  PutEvent("2");
  PutEvent("3");
  journal_.emplace(directory_ + "/journal", clock_);
  PutEvent("4");
  Must((*journal_)->Release("another", 3));
  const auto opened = JournalCommitter::Open(*warehouse_, **journal_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(opened.error().message, HasSubstr("records 2 to 3 are missing"));
}

TEST_F(JournalCommitterTest, PassedSegmentsAreReleased) {
  PutEvent("1");
  EXPECT_EQ(Must(Open()->CommitNext()).events, 1);
  journal_.emplace(directory_ + "/journal", clock_);
  PutEvent("2");
  EXPECT_EQ((*journal_)->Segments().size(), 2u);
  EXPECT_EQ(Must(Open()->CommitNext()).events, 1);
  EXPECT_EQ((*journal_)->Segments().size(), 1u);
  EXPECT_EQ((*journal_)->first_sequence(), 2u);
}

TEST_F(JournalCommitterTest, AnErrorLeavesNoFiles) {
  PutEvent("1");
  HookedCatalog& catalog = HookCatalog();
  const auto committer = Open();
  const auto bronze = BronzeEvents({});
  catalog.before_commit.push_back([&] { Must(others_->catalog().DropTable(bronze)); });
  const auto report = committer->CommitNext();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kNotFound) << report.error().message;
  const std::string data = directory_ + "/warehouse/bronze/github_events/data";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
    EXPECT_FALSE(entry.is_regular_file()) << entry.path();
  }
}

}  // namespace
}  // namespace octolake::lake
