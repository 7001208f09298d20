// UUIDs of RFC 9562: version 4 (random) for tables and files, version 7 (ordered by time) for
// trace ids.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"

namespace octolake {

struct Uuid {
  std::array<uint8_t, 16> bytes{};

  // 36 lower-case characters with hyphens.
  std::string ToString() const;
  static constexpr size_t kTextBytes = 36;
  // The same into a buffer of kTextBytes.
  void Write(char* out) const;
  static Result<Uuid> Parse(std::string_view text);
  static Uuid RandomV4(RandomSource& random);

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// Version 7 UUIDs that strictly increase within one generator, also when the clock stands still or
// jumps back (method 1 of RFC 9562 section 6.2: a counter of 26 bits in the fields after the time).
// Thread-safe. Clock and random source must outlive the generator.
class UuidV7Generator {
 public:
  UuidV7Generator(const Clock& clock, RandomSource& random) : clock_(clock), random_(random) {}
  Uuid Next();
  // So many at once, which takes the time once.
  std::vector<Uuid> Next(size_t count);

 private:
  Uuid Make(int64_t millis, uint64_t bits);

  const Clock& clock_;
  RandomSource& random_;
  std::mutex mutex_;
  int64_t last_millis_ = 0;
  uint32_t counter_ = 0;
};

}  // namespace octolake
