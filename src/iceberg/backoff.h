// The waits between attempts of a commit that lost a race.
#pragma once

#include <cstdint>

#include "base/random.h"

namespace octolake::iceberg {

struct BackoffLimits {
  int attempts = 20;
  int64_t total_millis = 120'000;  // of waiting
};

// Each wait is of random length, up to twice as long as the one before could be and at most a
// second: committers that met once do not meet again. Used by one thread.
class Backoff {
 public:
  explicit Backoff(RandomSource& random, BackoffLimits limits = {})
      : random_(random), limits_(limits) {}

  // After an attempt in vain: waits, or is false when attempts or time are used up.
  bool Wait();
  // In vain so far.
  int attempts() const { return attempts_; }

 private:
  RandomSource& random_;
  const BackoffLimits limits_;
  int attempts_ = 0;
  int64_t waited_millis_ = 0;
};

}  // namespace octolake::iceberg
