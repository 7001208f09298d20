#include "event/json_index.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <new>
#include <string>

namespace octolake::event {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimitsMemory = false;  // what they map is no measure
#else
constexpr bool kLimitsMemory = true;
#endif

// Of this process, in bytes.
int64_t MappedBytes() {
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

// Ends with 0 if parsing a good text that there is no memory for throws, and the text is good once
// there is.
[[noreturn]] void ParseWithoutMemory(const std::string& text) {
  JsonIndex index(64);
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  rlimit little = before;
  little.rlim_cur = static_cast<rlim_t>(MappedBytes() + (int64_t{1} << 20));
  setrlimit(RLIMIT_AS, &little);
  bool threw = false;
  try {
    (void)index.Parse({text.data(), text.size() - kJsonPadding});
  } catch (const std::bad_alloc&) {
    threw = true;
  }
  setrlimit(RLIMIT_AS, &before);
  const bool is_good = !index.Parse({text.data(), text.size() - kJsonPadding});
  _exit(threw && is_good ? 0 : 1);
}

TEST(JsonIndexDeathTest, WithoutMemoryAGoodTextIsNoBadOne) {
  if (!kLimitsMemory) GTEST_SKIP() << "memory cannot be limited under a sanitizer";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string text =
      "[\"" + std::string(size_t{32} << 20, 'x') + "\"]" + std::string(kJsonPadding, ' ');
  EXPECT_EXIT(ParseWithoutMemory(text), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace octolake::event
