// What the seed decides.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace octolake::simulation {

class Choices {
 public:
  explicit Choices(uint64_t seed) : engine_(seed) {}

  // True so often.
  bool Chance(double probability) {
    return static_cast<double>(engine_() >> 11) * 0x1.0p-53 < probability;
  }
  // From 0 to `count` - 1.
  int64_t Below(int64_t count) {
    return static_cast<int64_t>(engine_() % static_cast<uint64_t>(count));
  }
  int64_t Between(int64_t least, int64_t most) { return least + Below(most - least + 1); }
  template <typename T>
  const T& OneOf(const std::vector<T>& items) {
    return items[static_cast<size_t>(Below(std::ssize(items)))];
  }
  uint64_t Next() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace octolake::simulation
