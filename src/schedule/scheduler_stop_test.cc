// How runs are asked to end: at their time limit, and when the scheduler stops.
#include <gmock/gmock.h>

#include "schedule/scheduler_for_test.h"

namespace octolake::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using SchedulerStopTest = SchedulerTest;

Result<std::string> Nothing(const JobContext&) { return ""; }

TEST_F(SchedulerStopTest, ARunIsAskedToEndAtItsTimeLimit) {
  Gate gate;
  Job job = EveryTenSeconds("a", [&](const JobContext& c) { return gate.Pass(c.stop); });
  job.time_limit_micros = 30 * kSecond;
  const auto scheduler = Started(std::move(job));
  SetTime(*scheduler, 10 * kSecond);
  gate.AwaitArrivals(1);
  SetTime(*scheduler, 39 * kSecond);
  EXPECT_EQ(history_->Latest("a").value()->state, RunState::kRunning);
  PassTime(*scheduler, 40 * kSecond);
  const RunRecord run = history_->Latest("a").value().value();
  EXPECT_EQ(run.state, RunState::kTimedOut);
  EXPECT_THAT(run.message, HasSubstr("its time limit of 30s; then: asked to end"));
  EXPECT_THAT(failures(), SizeIs(1));
}

TEST_F(SchedulerStopTest, WhatGoesOnBeyondItsLimitIsTimedOutAllTheSame) {
  Gate gate;
  Job job = EveryTenSeconds("a", [&](const JobContext&) { return gate.Pass({}); });
  job.time_limit_micros = 30 * kSecond;
  const auto scheduler = Started(std::move(job));
  SetTime(*scheduler, 10 * kSecond);
  gate.AwaitArrivals(1);
  SetTime(*scheduler, 40 * kSecond);
  EXPECT_EQ(history_->Latest("a").value()->state, RunState::kRunning);
  EXPECT_EQ(scheduler->RunNow("a").error().kind, ErrorKind::kTransient);
  gate.Open();
  scheduler->WaitUntilIdle();
  EXPECT_EQ(history_->Latest("a").value()->state, RunState::kTimedOut);
}

TEST_F(SchedulerStopTest, StopInterruptsAndTheNextStartTriesAgain) {
  Gate gate;
  const auto work = [&](const JobContext& c) { return gate.Pass(c.stop); };
  for (int start = 1; start <= 2; ++start) {
    const auto scheduler = Started(EveryTenSeconds("a", work));
    if (start == 1) SetTime(*scheduler, 10 * kSecond);
    gate.AwaitArrivals(start);
    EXPECT_TRUE(scheduler->Stop(std::chrono::hours(1)));
    EXPECT_EQ(scheduler->RunNow("a").error().kind, ErrorKind::kTransient);
  }
  EXPECT_THAT(History(),
              ElementsAre("a scheduled 10 #1 interrupted", "a catch_up 10 #2 interrupted"));
  gate.Open();
  const auto scheduler = Started(EveryTenSeconds("a", work));
  PassTime(*scheduler, 11 * kSecond);
  EXPECT_THAT(History(), SizeIs(2)) << "not a third time";
  PassTime(*scheduler, 20 * kSecond);
  EXPECT_EQ(History().back(), "a scheduled 20 #1 succeeded");
  EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(SchedulerStopTest, StopWaitsNoLongerThanItIsTold) {
  Gate gate;
  const auto scheduler =
      Started(EveryTenSeconds("a", [&](const JobContext&) { return gate.Pass({}); }));
  SetTime(*scheduler, 10 * kSecond);
  gate.AwaitArrivals(1);
  EXPECT_FALSE(scheduler->Stop(std::chrono::milliseconds(1)));
  gate.Open();
  EXPECT_TRUE(scheduler->Stop(std::chrono::hours(1)));
  EXPECT_THAT(History(), ElementsAre("a scheduled 10 #1 succeeded")) << "it did not heed the stop";
}

TEST_F(SchedulerStopTest, AManualRunThatNeverBeganIsInterrupted) {
  Gate gate;
  Job busy = EveryTenSeconds("busy", [&](const JobContext& c) { return gate.Pass(c.stop); });
  const auto scheduler = Started({busy, EveryTenSeconds("a", Nothing)}, 1);
  ASSERT_TRUE(scheduler->RunNow("busy"));
  gate.AwaitArrivals(1);
  ASSERT_TRUE(scheduler->RunNow("a"));
  EXPECT_TRUE(scheduler->Stop(std::chrono::hours(1)));
  EXPECT_THAT(History(), ElementsAre("busy manual #1 interrupted", "a manual #1 interrupted"));
}

}  // namespace
}  // namespace octolake::schedule
