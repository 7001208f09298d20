#include "schedule/scheduler.h"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include "io/owned_file.h"
#include "schedule/scheduler_for_test.h"

namespace octolake::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Result<std::string> Nothing(const JobContext&) { return ""; }
Result<std::string> Fail(const JobContext&) { return MakeError(ErrorKind::kIo, "no room"); }

TEST_F(SchedulerTest, RunsJobsWhenTheyAreDue) {
  std::vector<Job> jobs{EveryTenSeconds("a", Nothing), EveryTenSeconds("b", Nothing)};
  jobs[1].schedule = Schedule::Parse("every 15s").value();
  const auto scheduler = Started(std::move(jobs));
  PassTime(*scheduler, 9 * kSecond);
  EXPECT_THAT(History(), IsEmpty());
  PassTime(*scheduler, 10 * kSecond);
  PassTime(*scheduler, 11 * kSecond);
  PassTime(*scheduler, 16 * kSecond);
  PassTime(*scheduler, 24 * kSecond);
  EXPECT_THAT(History(), ElementsAre("a scheduled 10 #1 succeeded", "b scheduled 15 #1 succeeded",
                                     "a scheduled 20 #1 succeeded"));
}

TEST_F(SchedulerTest, RecordsWhatARunDid) {
  const auto scheduler = Started(EveryTenSeconds("a", [&](const JobContext& context) {
    context.logger->info("{} of attempt {}", context.run.job, context.run.start.attempt);
    clock_.Set(12 * kSecond);
    return Result<std::string>(R"({"rows":5})");
  }));
  PassTime(*scheduler, 10 * kSecond);
  const RunRecord run = history_->Find(history_->Latest("a").value()->id).value();
  EXPECT_EQ(run.started_at, 10 * kSecond);
  EXPECT_EQ(run.ended_at, 12 * kSecond);
  EXPECT_EQ(run.figures, R"({"rows":5})");
  EXPECT_THAT(run.log, ::testing::EndsWith("info  a of attempt 1\n"));
  EXPECT_EQ(scheduler->Jobs().value()[0].counts.run_micros, 2 * kSecond);
}

TEST_F(SchedulerTest, FiguresAreAnObject) {
  const auto scheduler =
      Started(EveryTenSeconds("a", [](const JobContext&) { return Result<std::string>("[1]"); }));
  PassTime(*scheduler, 10 * kSecond);
  const RunRecord run = history_->Latest("a").value().value();
  EXPECT_EQ(run.state, RunState::kSucceeded);
  EXPECT_EQ(run.figures, "");
  EXPECT_THAT(run.message, HasSubstr("expected a JSON object"));
}

TEST_F(SchedulerTest, ADueTimeIsRunOnceThoughTheClockIsSetBack) {
  const auto scheduler = Started(EveryTenSeconds("a", Nothing));
  for (const int64_t now : {10, 20, 30, 12, 20, 30, 40, 39, 40, 50}) {
    PassTime(*scheduler, now * kSecond);
  }
  EXPECT_THAT(History(), ElementsAre("a scheduled 10 #1 succeeded", "a scheduled 20 #1 succeeded",
                                     "a scheduled 30 #1 succeeded", "a scheduled 40 #1 succeeded",
                                     "a scheduled 50 #1 succeeded"));
}

TEST_F(SchedulerTest, AClockThatWasFarAheadStallsNothing) {
  clock_.Set(4'000'000'005 * kSecond);
  auto scheduler = Started(EveryTenSeconds("a", Nothing));
  PassTime(*scheduler, 4'000'000'010 * kSecond);
  PassTime(*scheduler, 15 * kSecond);
  PassTime(*scheduler, 20 * kSecond);
  EXPECT_THAT(History(),
              ElementsAre("a scheduled 4000000010 #1 succeeded", "a scheduled 20 #1 succeeded"));
  scheduler.reset();
  const auto next = Started(EveryTenSeconds("a", Nothing));
  PassTime(*next, 35 * kSecond);
  EXPECT_THAT(History(), SizeIs(3)) << "the future in the history is no obstacle";
}

TEST_F(SchedulerTest, FailedAttemptsAreRetried) {
  std::atomic<int> calls = 0;
  Job job = EveryTenSeconds("a", [&](const JobContext& context) -> Result<std::string> {
    if (++calls < 3) return Fail(context);
    return "";
  });
  job.schedule = Schedule::Parse("every 1h").value();
  job.retry = {3, 4 * kSecond, 60 * kSecond};
  const auto scheduler = Started(std::move(job));
  PassTime(*scheduler, 3600 * kSecond);
  PassTime(*scheduler, 3601 * kSecond);  // too early for the second
  EXPECT_EQ(calls, 1);
  PassTime(*scheduler, 3604 * kSecond);
  PassTime(*scheduler, 3607 * kSecond);
  EXPECT_EQ(calls, 2);
  PassTime(*scheduler, 3612 * kSecond);
  PassTime(*scheduler, 3700 * kSecond);
  EXPECT_THAT(History(), ElementsAre("a scheduled 3600 #1 failed", "a scheduled 3600 #2 failed",
                                     "a scheduled 3600 #3 succeeded"));
  EXPECT_THAT(failures(), IsEmpty());
  EXPECT_EQ(history_->Runs({}).value()[1].message, "no room");
}

TEST_F(SchedulerTest, TheLastFailureIsTold) {
  Job job = EveryTenSeconds("a", Fail);
  job.schedule = Schedule::Parse("every 1h").value();
  job.retry = {1, kSecond, kSecond};
  const auto scheduler = Started(std::move(job));
  PassTime(*scheduler, 3600 * kSecond);
  EXPECT_THAT(failures(), IsEmpty());
  PassTime(*scheduler, 3601 * kSecond);
  ASSERT_THAT(failures(), SizeIs(1));
  EXPECT_EQ(failures()[0].id, history_->Latest("a").value()->id);
  EXPECT_EQ(failures()[0].start.attempt, 2);
  EXPECT_EQ(failures()[0].message, "no room");
  const JobCounts counts = scheduler->Jobs().value()[0].counts;
  EXPECT_EQ(counts.failed, 2);
  EXPECT_EQ(counts.given_up, 1);
}

TEST_F(SchedulerTest, DueTimesOfARunningJobArePassedOver) {
  Gate gate;
  const auto scheduler =
      Started(EveryTenSeconds("a", [&](const JobContext& c) { return gate.Pass(c.stop); }));
  SetTime(*scheduler, 10 * kSecond);
  gate.AwaitArrivals(1);
  SetTime(*scheduler, 20 * kSecond);
  SetTime(*scheduler, 30 * kSecond);
  const JobStatus during = scheduler->Jobs().value()[0];
  EXPECT_EQ(during.running_here, history_->Latest("a").value()->id);
  EXPECT_EQ(during.counts.passed_over, 2);
  gate.Open();
  scheduler->WaitUntilIdle();
  PassTime(*scheduler, 40 * kSecond);
  EXPECT_THAT(History(), ElementsAre("a scheduled 10 #1 succeeded", "a scheduled 40 #1 succeeded"));
}

TEST_F(SchedulerTest, AsManyJobsAtOnceAsThereAreWorkers) {
  Gate gate;
  const auto pass = [&](const JobContext& c) { return gate.Pass(c.stop); };
  const auto scheduler = Started(
      {EveryTenSeconds("a", pass), EveryTenSeconds("b", pass), EveryTenSeconds("c", pass)}, 2);
  SetTime(*scheduler, 10 * kSecond);
  gate.AwaitArrivals(2);
  SetTime(*scheduler, 11 * kSecond);
  EXPECT_EQ(gate.arrived(), 2);
  gate.Open();
  scheduler->WaitUntilIdle();
  EXPECT_EQ(gate.arrived(), 3);
}

TEST_F(SchedulerTest, WhatWasMissedIsRunOnceAtTheStart) {
  Job with = EveryTenSeconds("with", Nothing);
  Job without = EveryTenSeconds("without", Nothing);
  without.catch_up = CatchUp::kNone;
  Job disabled = EveryTenSeconds("disabled", Nothing);
  disabled.enabled = false;
  for (const int64_t now : {5, 47, 48}) {
    clock_.Set(now * kSecond);
    const auto scheduler = Started({with, without, disabled});
    PassTime(*scheduler, now * kSecond);
  }
  EXPECT_THAT(History(), ElementsAre("with catch_up 40 #1 succeeded"));
}

TEST_F(SchedulerTest, ADueTimeWhileAnotherProcessRunsTheJobIsSkipped) {
  auto other = io::OwnedFile::Hold(history_->LockPath("a")).value();
  ASSERT_TRUE(other);
  const auto scheduler = Started(EveryTenSeconds("a", Nothing));
  PassTime(*scheduler, 10 * kSecond);
  PassTime(*scheduler, 20 * kSecond);
  EXPECT_THAT(History(), ElementsAre("a scheduled 20 #2 skipped")) << "two in a row";
  EXPECT_EQ(scheduler->Jobs().value()[0].counts.skipped, 2);
  const auto run = scheduler->RunNow("a");
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(run.error().message, HasSubstr("job 'a' is running"));
  other.reset();
  PassTime(*scheduler, 30 * kSecond);
  EXPECT_EQ(History().back(), "a scheduled 30 #1 succeeded");
  EXPECT_TRUE(scheduler->RunNow("a"));
}

TEST_F(SchedulerTest, TwoSchedulersRunADueTimeOnce) {
  std::atomic<int> calls = 0;
  const Job job = EveryTenSeconds("a", [&](const JobContext&) {
    ++calls;
    return Result<std::string>("");
  });
  std::unique_ptr<RunHistory> of_the_first = OpenHistory();
  history_.swap(of_the_first);
  const auto first = Started(job);
  history_.swap(of_the_first);
  const auto second = Started(job);
  for (int64_t now = 10; now <= 100; now += 10) {
    clock_.Set(now * kSecond);
    first->LookAtClock();
    second->LookAtClock();
    first->WaitUntilIdle();
    second->WaitUntilIdle();
  }
  EXPECT_EQ(calls, 10);
}

TEST_F(SchedulerTest, RunNowRunsDisabledJobsToo) {
  Job job = EveryTenSeconds("pipeline", Fail);
  job.enabled = false;
  job.retry.retries = 3;
  const auto scheduler = Started(std::move(job));
  const int64_t id = scheduler->RunNow("pipeline").value();
  scheduler->WaitUntilIdle();
  EXPECT_EQ(history_->Find(id).value().state, RunState::kFailed);
  PassTime(*scheduler, 100'000 * kSecond);
  EXPECT_THAT(History(), ElementsAre("pipeline manual #1 failed")) << "who asked sees the failure";
  EXPECT_THAT(failures(), IsEmpty());
  const auto unknown = scheduler->RunNow("pipelin");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(unknown.error().message, HasSubstr("did you mean 'pipeline'?"));
}

TEST_F(SchedulerTest, AnUnusableHistoryIsAFailure) {
  Job job = EveryTenSeconds("a", Nothing);
  job.schedule = Schedule::Parse("every 1h").value();
  job.retry = {1, kSecond, kSecond};
  const auto scheduler = Started(std::move(job));
  const auto file = io::SqliteDatabase::Open({directory_.path() + "/jobs.db", "test"}).value();
  ASSERT_TRUE(file->Execute("ALTER TABLE runs RENAME TO away"));
  PassTime(*scheduler, 3600 * kSecond);
  PassTime(*scheduler, 3601 * kSecond);
  ASSERT_THAT(failures(), SizeIs(1));
  EXPECT_EQ(failures()[0].id, 0);
  EXPECT_THAT(failures()[0].message, HasSubstr("it could not begin: "));
  ASSERT_TRUE(file->Execute("ALTER TABLE away RENAME TO runs"));
  PassTime(*scheduler, 7200 * kSecond);
  EXPECT_THAT(History(), ElementsAre("a scheduled 7200 #1 succeeded"));
}

TEST_F(SchedulerTest, TellsOfItsJobs) {
  Job job = EveryTenSeconds("a", Nothing);
  job.schedule = Schedule::Parse("0 3 * * *", TimeZone::Load("Europe/Berlin").value()).value();
  Job disabled = EveryTenSeconds("b", Nothing);
  disabled.enabled = false;
  std::vector<Job> jobs{job, disabled};
  const auto scheduler = Make(std::move(jobs));
  EXPECT_FALSE(scheduler->RunNow("a")) << "not started";
  const auto status = scheduler->Jobs().value();
  ASSERT_THAT(status, SizeIs(2));
  EXPECT_EQ(status[0].name, "a");
  EXPECT_EQ(status[0].schedule, "0 3 * * *");
  EXPECT_EQ(status[0].zone, "Europe/Berlin");
  EXPECT_TRUE(status[0].enabled);
  EXPECT_EQ(status[0].next_due, 2 * 3600 * kSecond);
  EXPECT_FALSE(status[0].last_run);
  EXPECT_FALSE(status[0].running_here);
  EXPECT_FALSE(status[1].enabled);
  EXPECT_EQ(status[1].next_due, std::nullopt);
}

TEST_F(SchedulerTest, RefusesWhatCannotBeRun) {
  const auto error = [&](std::vector<Job> jobs, int workers) {
    SchedulerOptions options;
    options.workers = workers;
    const auto made =
        Scheduler::Make(std::move(jobs), *history_, options, clock_, random_, MakeNullLogger());
    EXPECT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::kInvalidArgument);
    return made.error().message;
  };
  EXPECT_THAT(error({}, 0), HasSubstr("workers"));
  EXPECT_THAT(error({EveryTenSeconds("../a", Nothing)}, 1), HasSubstr("job '../a'"));
  EXPECT_THAT(error({EveryTenSeconds("a", Nothing), EveryTenSeconds("a", Nothing)}, 1),
              HasSubstr("twice"));
  EXPECT_THAT(error({EveryTenSeconds("a", {})}, 1), HasSubstr("work to do"));
  Job job = EveryTenSeconds("a", Nothing);
  job.retry = {1, 2, 1};
  EXPECT_THAT(error({job}, 1), HasSubstr("longest wait"));
}

}  // namespace
}  // namespace octolake::schedule
