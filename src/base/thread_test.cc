#include "base/thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/no_threads_for_test.h"

namespace octolake {
namespace {

TEST(StartThread, RunsTheWorkAndIsJoinedAtTheEnd) {
  int done = 0;
  {
    auto thread = StartThread("to count", [&] { ++done; });
    ASSERT_TRUE(thread) << thread.error().message;
  }
  EXPECT_EQ(done, 1);
}

TEST(StartThread, SaysThatThereAreNoMore) {
  int done = 0;
  {
    const NoMoreThreads limit;
    const auto thread = StartThread("to count", [&] { ++done; });
    ASSERT_FALSE(thread);
    EXPECT_EQ(thread.error().kind, ErrorKind::kResourceExhausted);
    EXPECT_THAT(thread.error().message, testing::HasSubstr("no thread can be started to count: "));
  }
  EXPECT_TRUE(StartThread("to count", [&] { ++done; }));
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace octolake
