#include "schedule/job_plan.h"

#include <gtest/gtest.h>

#include <map>

namespace octolake::schedule {
namespace {

constexpr int64_t kSecond = 1'000'000;

Job EveryTenSeconds() {
  Job job{"a", Schedule::Parse("every 10s").value(), true, {}, {}, 0, CatchUp::kOne};
  return job;
}

RunRecord Ended(const RunStart& start, RunState state) {
  RunRecord run;
  run.start = start;
  run.state = state;
  return run;
}

std::optional<RunRecord> DueRun(TimestampMicros due, RunState state, int attempt = 1) {
  return Ended({RunReason::kScheduled, due, attempt}, state);
}

TEST(JobPlan, BeginsAtDueTimes) {
  const Job job = EveryTenSeconds();
  JobPlan plan(job, 5 * kSecond);
  EXPECT_EQ(plan.WakeAt(), 10 * kSecond);
  EXPECT_FALSE(plan.Look(10 * kSecond - 1));
  const auto start = plan.Look(10 * kSecond);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->reason, RunReason::kScheduled);
  EXPECT_EQ(start->scheduled_for, 10 * kSecond);
  EXPECT_EQ(start->attempt, 1);
  EXPECT_TRUE(plan.busy());
  EXPECT_EQ(plan.WakeAt(), 20 * kSecond);
}

TEST(JobPlan, OfSeveralDueTimesTheLastCounts) {
  const Job job = EveryTenSeconds();
  JobPlan plan(job, 5 * kSecond);
  EXPECT_EQ(plan.Look(47 * kSecond)->scheduled_for, 40 * kSecond);
  EXPECT_EQ(plan.next_due(), 50 * kSecond);
}

TEST(JobPlan, DueTimesOfABusyJobArePassedOver) {
  const Job job = EveryTenSeconds();
  JobPlan plan(job, 5 * kSecond);
  ASSERT_TRUE(plan.Look(10 * kSecond));
  EXPECT_FALSE(plan.Look(20 * kSecond));
  EXPECT_EQ(plan.passed_over(), 1);
  plan.NotBegun();
  EXPECT_FALSE(plan.Look(21 * kSecond));
  EXPECT_TRUE(plan.Look(30 * kSecond));
}

TEST(JobPlan, DisabledJobsAreNeverDue) {
  Job job = EveryTenSeconds();
  job.enabled = false;
  JobPlan plan(job, 5 * kSecond);
  EXPECT_EQ(plan.next_due(), std::nullopt);
  EXPECT_EQ(plan.WakeAt(), std::nullopt);
  EXPECT_FALSE(plan.Look(100 * kSecond));
}

TEST(JobPlan, RetriesWaitTwiceAsLongEachTime) {
  Job job = EveryTenSeconds();
  job.schedule = Schedule::Parse("@yearly").value();
  job.retry = {5, 4 * kSecond, 20 * kSecond};
  const int64_t year = job.schedule.Next(0).value();
  std::map<int, std::pair<int64_t, int64_t>> waits;  // of an attempt: the shortest, the longest
  SeededRandom random(1);
  for (int round = 0; round < 300; ++round) {
    JobPlan plan(job, year - 1);
    TimestampMicros now = year;
    for (int attempt = 1; attempt <= 6; ++attempt) {
      const auto start = plan.Look(now);
      ASSERT_TRUE(start);
      ASSERT_EQ(start->attempt, attempt);
      ASSERT_EQ(start->scheduled_for, year);
      const auto after = plan.Ended(Ended(*start, RunState::kFailed), now, random);
      ASSERT_EQ(after, attempt < 6 ? JobPlan::After::kRetry : JobPlan::After::kGaveUp);
      if (attempt == 6) break;
      const int64_t wait = plan.WakeAt().value() - now;
      auto [known, first] = waits.try_emplace(attempt, wait, wait);
      known->second = {std::min(known->second.first, wait), std::max(known->second.second, wait)};
      EXPECT_FALSE(plan.Look(now + wait - 1));
      now += wait;
    }
    EXPECT_FALSE(plan.Look(now));
  }
  const int64_t expected[] = {4, 8, 16, 20, 20};
  for (int attempt = 1; attempt <= 5; ++attempt) {
    const int64_t longest = expected[attempt - 1] * kSecond;
    EXPECT_GE(waits[attempt].first, longest / 2);
    EXPECT_LT(waits[attempt].first, longest * 6 / 10) << "drawn from all of the upper half";
    EXPECT_LE(waits[attempt].second, longest);
    EXPECT_GT(waits[attempt].second, longest * 9 / 10);
  }
}

TEST(JobPlan, ASucceededManualRunMakesTheRetryUnneeded) {
  Job job = EveryTenSeconds();
  job.retry.retries = 1;
  SeededRandom random(1);
  for (const RunState state : {RunState::kSucceeded, RunState::kFailed}) {
    JobPlan plan(job, 5 * kSecond);
    const auto start = plan.Look(10 * kSecond);
    plan.Ended(Ended(*start, RunState::kTimedOut), 10 * kSecond, random);
    plan.SetBusy();
    EXPECT_EQ(plan.Ended(Ended({}, state), 11 * kSecond, random), JobPlan::After::kNothing);
    const auto next = plan.Look(20 * kSecond);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->attempt, state == RunState::kSucceeded ? 1 : 2);
  }
}

TEST(JobPlan, AClockThatIsSetBackDelaysNothing) {
  Job job = EveryTenSeconds();
  job.retry = {3, 60 * kSecond, 60 * kSecond};
  SeededRandom random(1);
  JobPlan plan(job, 1'000'005 * kSecond);
  const auto start = plan.Look(1'000'010 * kSecond);
  plan.Ended(Ended(*start, RunState::kFailed), 1'000'010 * kSecond, random);
  EXPECT_FALSE(plan.Look(5 * kSecond));
  EXPECT_LE(plan.WakeAt(), 65 * kSecond);
  const auto retry = plan.Look(65 * kSecond);
  ASSERT_TRUE(retry);
  EXPECT_EQ(retry->attempt, 2);
  EXPECT_EQ(plan.Ended(Ended(*retry, RunState::kSucceeded), 66 * kSecond, random),
            JobPlan::After::kNothing);
  EXPECT_EQ(plan.Look(70 * kSecond)->scheduled_for, 70 * kSecond);
}

TEST(Timer, IsNeverLongerThanAtFirst) {
  Timer timer(100, 10);
  EXPECT_FALSE(timer.HasPassed(109));
  EXPECT_FALSE(timer.HasPassed(50));
  EXPECT_TRUE(timer.HasPassed(60));
}

TEST(MissedRun, IsTheLastDueTimeThatPassed) {
  const Job job = EveryTenSeconds();
  const auto missed =
      MissedRun(job, 0, DueRun(20 * kSecond, RunState::kSucceeded), 55 * kSecond).value();
  EXPECT_EQ(missed.reason, RunReason::kCatchUp);
  EXPECT_EQ(missed.scheduled_for, 50 * kSecond);
  EXPECT_EQ(missed.attempt, 1);
  EXPECT_FALSE(MissedRun(job, 0, DueRun(50 * kSecond, RunState::kSucceeded), 55 * kSecond));
  EXPECT_FALSE(MissedRun(job, 0, DueRun(50 * kSecond, RunState::kSkipped), 55 * kSecond));
}

TEST(MissedRun, OfANewJobIsAfterItBecameKnown) {
  const Job job = EveryTenSeconds();
  EXPECT_FALSE(MissedRun(job, 51 * kSecond, std::nullopt, 55 * kSecond));
  EXPECT_EQ(MissedRun(job, 49 * kSecond, std::nullopt, 55 * kSecond)->scheduled_for, 50 * kSecond);
}

TEST(MissedRun, AsThePolicySays) {
  Job job = EveryTenSeconds();
  const auto latest = DueRun(20 * kSecond, RunState::kInterrupted);
  ASSERT_TRUE(MissedRun(job, 0, latest, 55 * kSecond));
  job.catch_up = CatchUp::kNone;
  EXPECT_FALSE(MissedRun(job, 0, latest, 55 * kSecond));
  job.catch_up = CatchUp::kOne;
  job.enabled = false;
  EXPECT_FALSE(MissedRun(job, 0, latest, 55 * kSecond));
  job.catch_up = CatchUp::kAlways;
  job.enabled = true;
  const auto always = MissedRun(job, 0, DueRun(50 * kSecond, RunState::kSucceeded), 55 * kSecond);
  ASSERT_TRUE(always);
  EXPECT_EQ(always->scheduled_for, 55 * kSecond);
  job.enabled = false;
  EXPECT_FALSE(MissedRun(job, 0, std::nullopt, 55 * kSecond));
}

TEST(MissedRun, WhatWasCutOffIsTriedAgainSoOften) {
  Job job = EveryTenSeconds();
  const auto again = [&](RunState state, int attempt) {
    const auto missed = MissedRun(job, 0, DueRun(50 * kSecond, state, attempt), 55 * kSecond);
    EXPECT_EQ(missed ? missed->scheduled_for.value() : 50 * kSecond, 50 * kSecond);
    return missed ? missed->attempt : 0;
  };
  EXPECT_EQ(again(RunState::kInterrupted, 1), 2) << "once, also without retries";
  EXPECT_EQ(again(RunState::kInterrupted, 2), 0);
  EXPECT_EQ(again(RunState::kFailed, 1), 0);
  job.retry.retries = 3;
  EXPECT_EQ(again(RunState::kInterrupted, 3), 4);
  EXPECT_EQ(again(RunState::kInterrupted, 4), 0);
  EXPECT_EQ(again(RunState::kFailed, 2), 3);
  EXPECT_EQ(again(RunState::kTimedOut, 3), 4);
  EXPECT_EQ(again(RunState::kFailed, 4), 0);
}

}  // namespace
}  // namespace octolake::schedule
