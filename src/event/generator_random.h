// Random choices that come out alike on every platform: integers only, no std:: distributions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace octolake::event {

// SplitMix64. Not for secrets.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t Next();
  // 0 .. bound - 1, nearly uniform; bound > 0.
  int64_t Below(int64_t bound);
  // True in `count` of `of` cases.
  bool OneIn(int64_t of) { return Below(of) == 0; }
  bool PerMille(int64_t count) { return Below(1000) < count; }
  // `digits` lower-case hex digits.
  std::string Hex(int digits);

 private:
  uint64_t state_;
};

// Index k is drawn with a weight of 1 / (k + 1): few are hot, many are rare.
class ZipfChoice {
 public:
  explicit ZipfChoice(int64_t size);
  int64_t Pick(Dice& dice) const;

 private:
  std::vector<int64_t> upper_;  // cumulated weights
};

}  // namespace octolake::event
