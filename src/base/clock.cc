#include "base/clock.h"

#include <chrono>

namespace octolake {
namespace {

class RealClock final : public Clock {
 public:
  TimestampMicros Now() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

}  // namespace octolake
