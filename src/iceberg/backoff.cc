#include "iceberg/backoff.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace octolake::iceberg {
namespace {

// The wait after the n-th attempt is below 20 ms * 2^n.
constexpr int64_t kFirstWaitMillis = 20;
constexpr int64_t kLongestWaitMillis = 1'000;

}  // namespace

bool Backoff::Wait() {
  if (++attempts_ >= limits_.attempts) return false;
  const int doublings = std::min(attempts_, 10);
  const int64_t longest = std::min(kLongestWaitMillis, kFirstWaitMillis << doublings);
  const auto wait = static_cast<int64_t>(random_.Next() % static_cast<uint64_t>(longest));
  if (waited_millis_ + wait > limits_.total_millis) return false;
  waited_millis_ += wait;
  std::this_thread::sleep_for(std::chrono::milliseconds(wait));
  return true;
}

}  // namespace octolake::iceberg
