// Time through an interface, so that a test can set it. All times are UTC.
#pragma once

#include <atomic>
#include <cstdint>

namespace octolake {

// Microseconds since 1970-01-01T00:00:00Z.
using TimestampMicros = int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  // Thread-safe. May jump back when the system's clock is set.
  virtual TimestampMicros Now() const = 0;
};

// The system's real-time clock; lives for the whole program.
const Clock& SystemClock();

// A clock that stands still until it is set. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimestampMicros now) : now_(now) {}
  TimestampMicros Now() const override { return now_; }
  void Set(TimestampMicros now) { now_ = now; }
  void Advance(int64_t micros) { now_ += micros; }

 private:
  std::atomic<TimestampMicros> now_;
};

}  // namespace octolake
