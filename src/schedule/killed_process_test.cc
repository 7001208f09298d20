// A process is killed in the middle of a run; what the next one makes of that.
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "schedule/scheduler_for_test.h"

namespace octolake::schedule {
namespace {

using ::testing::ElementsAre;

class KilledProcessTest : public SchedulerTest {
 protected:
  // No thread and no database may be there at a fork.
  void SetUp() override { history_.reset(); }

  // A process that runs job "a" at 10 s, and is killed in the middle.
  void KillInTheMiddle(CatchUp catch_up) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) RunForEver(pipe_ends[1], catch_up);
    ::close(pipe_ends[1]);
    char byte = 0;
    ASSERT_EQ(::read(pipe_ends[0], &byte, 1), 1);  // it is in the middle
    ::close(pipe_ends[0]);
    history_ = OpenHistory();
    EXPECT_EQ(history_->MarkDead().value(), 0) << "it lives";
    EXPECT_FALSE(JobRun::Begin("a", *history_, {}, clock_.Now()).value()) << "it has the lock";
    EXPECT_THAT(History(), ElementsAre("a scheduled 10 #1 running"));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

  [[noreturn]] void RunForEver(int told, CatchUp catch_up) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the test fail before it kills
    history_ = OpenHistory();
    Job job = EveryTenSeconds("a", [&](const JobContext&) -> Result<std::string> {
      if (::write(told, "x", 1) != 1) ::_exit(1);
      while (true) ::pause();
    });
    job.catch_up = catch_up;
    const auto scheduler = Started(std::move(job));
    SetTime(*scheduler, 10 * kSecond);
    while (true) ::pause();
  }

  std::unique_ptr<Scheduler> NextStart(CatchUp catch_up, TimestampMicros now) {
    clock_.Set(now);
    Job job = EveryTenSeconds("a", [](const JobContext&) { return Result<std::string>(""); });
    job.catch_up = catch_up;
    auto scheduler = Started(std::move(job));
    PassTime(*scheduler, now);
    return scheduler;
  }
};

TEST_F(KilledProcessTest, TheNextStartRunsTheJobAgain) {
  KillInTheMiddle(CatchUp::kOne);
  const auto scheduler = NextStart(CatchUp::kOne, 12 * kSecond);
  EXPECT_THAT(History(),
              ElementsAre("a scheduled 10 #1 interrupted", "a catch_up 10 #2 succeeded"));
  PassTime(*scheduler, 20 * kSecond);
  EXPECT_EQ(History().back(), "a scheduled 20 #1 succeeded");
}

TEST_F(KilledProcessTest, LaterItRunsWhatWasMissedSince) {
  KillInTheMiddle(CatchUp::kOne);
  const auto scheduler = NextStart(CatchUp::kOne, 55 * kSecond);
  EXPECT_THAT(History(),
              ElementsAre("a scheduled 10 #1 interrupted", "a catch_up 50 #1 succeeded"));
}

TEST_F(KilledProcessTest, WithoutCatchUpItWaitsForTheNextDueTime) {
  KillInTheMiddle(CatchUp::kNone);
  const auto scheduler = NextStart(CatchUp::kNone, 12 * kSecond);
  EXPECT_THAT(History(), ElementsAre("a scheduled 10 #1 interrupted"));
  PassTime(*scheduler, 20 * kSecond);
  EXPECT_EQ(History().back(), "a scheduled 20 #1 succeeded");
}

}  // namespace
}  // namespace octolake::schedule
