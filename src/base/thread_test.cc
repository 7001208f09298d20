#include "base/thread.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace octolake {
namespace {

int Nice() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

TEST(ThreadTest, AYieldingThreadAndThoseItStartsLetOthersGoFirst) {
  const int before = Nice();
  int own = 0;
  int started = 0;
  auto outer = StartThread("for a test", [&] {
    YieldToOthers();
    own = Nice();
    auto inner = StartThread("for a test", [&] { started = Nice(); });
    ASSERT_TRUE(inner);
  });
  ASSERT_TRUE(outer);
  outer->join();
  EXPECT_EQ(own, std::max(before, 10));
  EXPECT_EQ(started, own);
  EXPECT_EQ(Nice(), before);
}

}  // namespace
}  // namespace octolake
