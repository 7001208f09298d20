#include "schedule/run_once.h"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include <thread>

#include "io/owned_file.h"
#include "schedule/scheduler_for_test.h"

namespace octolake::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using RunOnceTest = SchedulerTest;

TEST_F(RunOnceTest, GivesHowItEnded) {
  Job job = EveryTenSeconds("a", [](const JobContext& context) {
    context.logger->info("hello");
    return Result<std::string>(R"({"files":3})");
  });
  const RunRecord run =
      RunOnce(std::move(job), *history_, clock_, random_, MakeNullLogger(), {}).value();
  EXPECT_EQ(run.state, RunState::kSucceeded);
  EXPECT_EQ(run.start.reason, RunReason::kManual);
  EXPECT_EQ(run.figures, R"({"files":3})");
  EXPECT_THAT(run.log, HasSubstr("hello"));
  EXPECT_THAT(History(), ElementsAre("a manual #1 succeeded"));
}

TEST_F(RunOnceTest, AFailureIsARun) {
  Job job = EveryTenSeconds("a", [](const JobContext&) -> Result<std::string> {
    return MakeError(ErrorKind::kIo, "no room");
  });
  job.retry.retries = 3;
  const RunRecord run =
      RunOnce(std::move(job), *history_, clock_, random_, MakeNullLogger(), {}).value();
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_EQ(run.message, "no room");
}

TEST_F(RunOnceTest, RefusesWhatRunsElsewhere) {
  const auto other = io::OwnedFile::Hold(history_->LockPath("a")).value();
  const auto run =
      RunOnce(EveryTenSeconds("a", [](const JobContext&) { return Result<std::string>(""); }),
              *history_, clock_, random_, MakeNullLogger(), {});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(History(), IsEmpty());
}

TEST_F(RunOnceTest, CanBeStopped) {
  Gate gate;
  std::stop_source stop;
  const std::jthread stopper([&] {
    gate.AwaitArrivals(1);
    stop.request_stop();
  });
  const RunRecord run =
      RunOnce(EveryTenSeconds("a", [&](const JobContext& c) { return gate.Pass(c.stop); }),
              *history_, clock_, random_, MakeNullLogger(), stop.get_token())
          .value();
  EXPECT_EQ(run.state, RunState::kInterrupted);
  EXPECT_THAT(run.message, HasSubstr("asked to end"));
}

TEST_F(RunOnceTest, DoesNotBeginWhenStoppedBefore) {
  std::stop_source stop;
  stop.request_stop();
  bool began = false;
  const auto work = [&](const JobContext&) {
    began = true;
    return Result<std::string>("");
  };
  const auto run = RunOnce(EveryTenSeconds("a", work), *history_, clock_, random_, MakeNullLogger(),
                           stop.get_token());
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind, ErrorKind::kTransient);
  EXPECT_FALSE(began);
  EXPECT_THAT(History(), IsEmpty());
}

}  // namespace
}  // namespace octolake::schedule
