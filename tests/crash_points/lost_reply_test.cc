// The reply to a commit is lost, whether it took effect or not, for every commit of load, Silver
// and the models; no row may be doubled by it, and none lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crash_lake.h"
#include "sample.h"

namespace octolake::crash {
namespace {

using ::testing::IsEmpty;

class LostReply : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto counted = std::make_shared<lake::ReplyLoss>(lake::ReplyLoss{.replies = 0});
    const PassResult clean = lake_.RunLosing(Commands(), counted);
    ASSERT_TRUE(clean.status) << clean.status.error().message;
    commits_ = counted->commits;
    expected_ = lake_.ReadContents();
    ASSERT_GT(commits_, 10);
  }

  std::vector<Command> Commands() const {
    const auto load = [](const std::vector<std::string>& files) -> Command {
      return [files](Process& process) { return process.Load(files); };
    };
    const Command silver = [](Process& process) { return process.Silver(); };
    const Command models = [](Process& process) { return process.Models(); };
    return {load(lake_.first_files()), silver, models, load(lake_.later_files()), silver, models};
  }

  void CheckRepeated(const PassResult& hurt) {
    lake_.CheckConsistent(hurt.reported);
    const PassResult again = lake_.Run(Commands(), {}, 0);
    ASSERT_TRUE(again.status) << again.status.error().message;
    lake_.RemoveLeftovers();
    lake_.CheckConsistent(again.reported);
    EXPECT_EQ(lake_.ReadContents(), expected_);
    EXPECT_THAT(lake_.Leftovers(), IsEmpty());
  }

  CrashLake lake_;
  int64_t commits_ = 0;
  Contents expected_;
};

TEST_F(LostReply, IsLookedUp) {
  const lake::ReplyLoss losses[] = {{.replies = 1, .takes_effect = true},
                                    {.replies = 1, .takes_effect = false},
                                    {.replies = 2, .takes_effect = false}};
  for (int64_t commit = 0; commit < commits_; ++commit) {
    for (int64_t i = 0; i < std::ssize(losses); ++i) {
      if (!TryAll() && commit % std::ssize(losses) != i) continue;
      const lake::ReplyLoss& which = losses[i];
      SCOPED_TRACE("from commit " + std::to_string(commit) + ", " + std::to_string(which.replies) +
                   " replies to commits that " + (which.takes_effect ? "take" : "take no") +
                   " effect");
      lake_.Restore();
      const auto loss = std::make_shared<lake::ReplyLoss>(which);
      loss->commits_before = commit;
      const PassResult hurt = lake_.RunLosing(Commands(), loss);
      EXPECT_EQ(loss->lost, which.replies);
      // The catalog answers when it is asked for the outcome: nobody need know that it was asked.
      ASSERT_TRUE(hurt.status) << hurt.status.error().message;
      EXPECT_EQ(lake_.ReadContents(), expected_);
      lake_.RemoveLeftovers();
      EXPECT_THAT(lake_.Leftovers(), IsEmpty());
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_F(LostReply, AndNoMoreAnswersLeaveItToTheNextRun) {
  for (int64_t commit = 0; commit < commits_; ++commit) {
    for (const bool takes_effect : {true, false}) {
      if (!TryAll() && takes_effect != (commit % 2 == 0)) continue;
      SCOPED_TRACE("commit " + std::to_string(commit) + (takes_effect ? ", it takes" : ", no") +
                   " effect");
      lake_.Restore();
      const PassResult hurt = lake_.RunLosing(
          Commands(),
          std::make_shared<lake::ReplyLoss>(lake::ReplyLoss{
              .commits_before = commit, .takes_effect = takes_effect, .then_silent = true}));
      ASSERT_FALSE(hurt.status);
      EXPECT_EQ(hurt.status.error().kind, ErrorKind::kCommitStateUnknown)
          << hurt.status.error().message;
      CheckRepeated(hurt);
      ASSERT_FALSE(HasFailure());
    }
  }
}

}  // namespace
}  // namespace octolake::crash
