// Randomness through an interface, so that a test can set it.
#pragma once

#include <cstdint>
#include <random>

namespace octolake {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  // 64 uniformly distributed bits. Thread-safe.
  virtual uint64_t Next() = 0;
};

// The operating system's generator (getrandom); lives for the whole program.
RandomSource& SystemRandom();

// Repeatable from its seed; for tests. Not thread-safe.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace octolake
