#include "schedule/run_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temp_directory_for_test.h"
#include "io/owned_file.h"

namespace octolake::schedule {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class RunHistoryTest : public ::testing::Test {
 protected:
  RunHistoryOptions Options() const {
    RunHistoryOptions options;
    options.path = directory_.path() + "/jobs.db";
    return options;
  }
  std::unique_ptr<RunHistory> Open() const { return RunHistory::Open(Options()).value(); }
  std::unique_ptr<io::SqliteDatabase> OpenFile() const {
    return io::SqliteDatabase::Open({Options().path, "test"}).value();
  }
  static RunRecord Ended(RunRecord run, RunState state, TimestampMicros at) {
    run.state = state;
    run.ended_at = at;
    return run;
  }
  static RunStart Due(TimestampMicros due, int attempt = 1) {
    return {RunReason::kScheduled, due, attempt};
  }

  const TempDirectory directory_{MemoryDirectory()};
};

TEST_F(RunHistoryTest, ARunComesBackAsItWas) {
  const auto history = Open();
  RunRecord run = history->Begin("pipeline", Due(100, 2), 110).value();
  EXPECT_EQ(history->Latest("pipeline").value()->state, RunState::kRunning);
  EXPECT_EQ(history->Latest("pipeline").value()->ended_at, std::nullopt);
  run = Ended(run, RunState::kFailed, 120);
  run.message = "no room";
  run.figures = R"({"rows":5})";
  run.log = "line\n";
  ASSERT_TRUE(history->End(run));
  const RunRecord found = Open()->Find(run.id).value();
  EXPECT_EQ(found.job, "pipeline");
  EXPECT_EQ(found.start.reason, RunReason::kScheduled);
  EXPECT_EQ(found.start.scheduled_for, 100);
  EXPECT_EQ(found.start.attempt, 2);
  EXPECT_EQ(found.started_at, 110);
  EXPECT_EQ(found.ended_at, 120);
  EXPECT_EQ(found.state, RunState::kFailed);
  EXPECT_EQ(found.message, "no room");
  EXPECT_EQ(found.figures, R"({"rows":5})");
  EXPECT_EQ(found.log, "line\n");
  EXPECT_EQ(history->Latest("pipeline").value()->log, "") << "lists have no logs";
  EXPECT_EQ(history->Latest("other").value(), std::nullopt);
  EXPECT_EQ(history->Find(run.id + 1).error().kind, ErrorKind::kNotFound);
}

TEST_F(RunHistoryTest, EndsOnce) {
  const auto history = Open();
  const RunRecord run = history->Begin("a", {}, 1).value();
  EXPECT_EQ(history->Latest("a").value()->start.scheduled_for, std::nullopt);
  ASSERT_TRUE(history->End(Ended(run, RunState::kSucceeded, 2)));
  const Status again = history->End(Ended(run, RunState::kFailed, 3));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kNotFound);
}

TEST_F(RunHistoryTest, AnAttemptAtADueTimeIsThereOnce) {
  const auto history = Open();
  ASSERT_TRUE(history->Begin("a", Due(100), 100));
  const auto again = history->Begin("a", Due(100), 101);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_TRUE(history->Begin("a", Due(100, 2), 102));
  EXPECT_FALSE(history->Begin("a", Due(100, 1), 103));
  EXPECT_TRUE(history->Begin("a", Due(90), 104));
  EXPECT_TRUE(history->Begin("b", Due(100), 104));
  EXPECT_TRUE(history->Begin("a", {}, 105));
  EXPECT_TRUE(history->Begin("a", {}, 105));
}

TEST_F(RunHistoryTest, WhoBeginsMarksWhatDiedBefore) {
  const auto history = Open();
  const RunRecord dead = history->Begin("a", Due(100), 100).value();
  const RunRecord other = history->Begin("b", Due(100), 100).value();
  ASSERT_TRUE(history->Begin("a", Due(200), 200));
  EXPECT_EQ(history->Find(dead.id).value().state, RunState::kInterrupted);
  EXPECT_EQ(history->Find(dead.id).value().ended_at, std::nullopt);
  EXPECT_EQ(history->Find(other.id).value().state, RunState::kRunning);
}

TEST_F(RunHistoryTest, WhatIsLockedIsNotDead) {
  const auto history = Open();
  const RunRecord lives = history->Begin("a", Due(100), 100).value();
  const RunRecord dead = history->Begin("b", Due(100), 100).value();
  const auto lock = io::OwnedFile::Hold(history->LockPath("a")).value();
  ASSERT_TRUE(lock);
  EXPECT_EQ(history->MarkDead().value(), 1);
  EXPECT_EQ(history->Find(lives.id).value().state, RunState::kRunning);
  EXPECT_EQ(history->Find(dead.id).value().state, RunState::kInterrupted);
}

TEST_F(RunHistoryTest, TheNewestRunsOfEachJobAreKept) {
  RunHistoryOptions options = Options();
  options.kept_runs = 3;
  const auto history = RunHistory::Open(options).value();
  const int64_t first = history->Begin("b", {}, 1).value().id;
  int64_t last = 0;
  for (int i = 0; i < 10; ++i) last = history->Begin("a", {}, i).value().id;
  std::vector<int64_t> ids;
  const std::vector<RunRecord> runs = history->Runs({}).value();
  for (const RunRecord& run : runs) ids.push_back(run.id);
  EXPECT_THAT(ids, ElementsAre(last, last - 1, last - 2, first));
}

TEST_F(RunHistoryTest, ListsInPages) {
  const auto history = Open();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(history->Begin(i % 2 == 0 ? "a" : "b", {}, i));
  RunFilter filter;
  filter.job = "a";
  filter.limit = 2;
  const auto first = history->Runs(filter).value();
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].started_at, 4);
  EXPECT_EQ(first[1].started_at, 2);
  filter.before_id = first[1].id;
  const auto second = history->Runs(filter).value();
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].started_at, 0);
}

TEST_F(RunHistoryTest, SkipsInARowAreOneRow) {
  const auto history = Open();
  ASSERT_TRUE(history->Skip("a", 100, "first", 101));
  ASSERT_TRUE(history->Skip("b", 100, "other", 101));
  ASSERT_TRUE(history->Skip("a", 200, "second", 201));
  ASSERT_THAT(history->Runs({}).value(), SizeIs(2));
  RunRecord run = history->Latest("a").value().value();
  EXPECT_EQ(run.state, RunState::kSkipped);
  EXPECT_EQ(run.start.attempt, 2);
  EXPECT_EQ(run.start.scheduled_for, 200);
  EXPECT_EQ(run.started_at, 101);
  EXPECT_EQ(run.ended_at, 201);
  EXPECT_EQ(run.message, "second");
  EXPECT_TRUE(history->Begin("a", Due(200), 202)) << "was not run";
  ASSERT_TRUE(history->Begin("a", Due(300), 300));
  ASSERT_TRUE(history->Skip("a", 400, "third", 401));
  EXPECT_EQ(history->Latest("a").value()->start.attempt, 1);
}

TEST_F(RunHistoryTest, KnowsTheLatestDueTime) {
  const auto history = Open();
  ASSERT_TRUE(history->Begin("a", Due(300), 300));
  ASSERT_TRUE(history->Begin("a", Due(200), 310));
  ASSERT_TRUE(history->Begin("a", Due(200, 2), 320));
  ASSERT_TRUE(history->Begin("a", {}, 330));
  EXPECT_EQ(history->LatestDue("a", 300).value()->start.scheduled_for, 300);
  EXPECT_EQ(history->LatestDue("a", 299).value()->start.attempt, 2);
  EXPECT_EQ(history->LatestDue("a", 199).value(), std::nullopt);
}

TEST_F(RunHistoryTest, RemembersSinceWhenAJobIsKnown) {
  EXPECT_EQ(Open()->Know("a", 100).value(), 100);
  EXPECT_EQ(Open()->Know("a", 200).value(), 100);
  EXPECT_EQ(Open()->Know("b", 200).value(), 200);
}

TEST_F(RunHistoryTest, TextsAreCut) {
  const auto history = Open();
  RunRecord run = Ended(history->Begin("a", {}, 1).value(), RunState::kFailed, 2);
  run.message = std::string(kMaxMessageBytes - 1, 'm') + "\u20ac";
  run.figures = "{\"a\":\"" + std::string(kMaxFiguresBytes, 'f') + "\"}";
  run.log = "cut\n" + std::string(kMaxLogBytes - 2, 'l') + "\n";
  ASSERT_TRUE(history->End(run));
  const RunRecord found = history->Find(run.id).value();
  EXPECT_EQ(found.message, std::string(kMaxMessageBytes - 1, 'm'));
  EXPECT_EQ(found.figures, "");
  EXPECT_EQ(found.log, std::string(kMaxLogBytes - 2, 'l') + "\n");
}

TEST_F(RunHistoryTest, ANewerVersionIsRefused) {
  Open();
  ASSERT_TRUE(OpenFile()->Execute("PRAGMA user_version = 2"));
  const auto history = RunHistory::Open(Options());
  ASSERT_FALSE(history);
  EXPECT_EQ(history.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(history.error().message, AllOf(HasSubstr(Options().path), HasSubstr("has version 2"),
                                             HasSubstr("knows version 1")));
}

TEST_F(RunHistoryTest, OtherFilesAreRefused) {
  ASSERT_TRUE(OpenFile()->Execute("CREATE TABLE other (n INTEGER)"));
  EXPECT_EQ(RunHistory::Open(Options()).error().kind, ErrorKind::kCorruption);
  RunHistoryOptions options = Options();
  options.path = directory_.path() + "/none.db";
  options.create = false;
  EXPECT_EQ(RunHistory::Open(options).error().kind, ErrorKind::kNotFound);
  options = Options();
  options.kept_runs = 0;
  EXPECT_EQ(RunHistory::Open(options).error().kind, ErrorKind::kInvalidArgument);
  options.path = "jobs.db";
  EXPECT_EQ(RunHistory::Open(options).error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(RunHistoryTest, UsesAWriteAheadLog) {
  Open();
  const auto file = OpenFile();
  auto query = file->Prepare("PRAGMA journal_mode").value();
  ASSERT_TRUE(query.Step().value());
  EXPECT_EQ(query.Text(0), "wal");
}

TEST(JobName, IsAPartOfFileNames) {
  EXPECT_TRUE(IsJobName("pipeline"));
  EXPECT_TRUE(IsJobName("bronze-compact_2"));
  EXPECT_TRUE(IsJobName(std::string(64, 'a')));
  for (const char* name : {"", "2a", "-a", "A", "a.b", "a/b", "../a", "a b"}) {
    EXPECT_FALSE(IsJobName(name)) << name;
  }
  EXPECT_FALSE(IsJobName(std::string(65, 'a')));
}

}  // namespace
}  // namespace octolake::schedule
