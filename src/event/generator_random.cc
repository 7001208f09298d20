#include "event/generator_random.h"

#include <algorithm>

namespace octolake::event {

uint64_t Dice::Next() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

int64_t Dice::Below(int64_t bound) {
  const auto product = static_cast<unsigned __int128>(Next()) * static_cast<uint64_t>(bound);
  return static_cast<int64_t>(product >> 64);
}

std::string Dice::Hex(int digits) {
  std::string out;
  for (int i = 0; i < digits; ++i) out += "0123456789abcdef"[Below(16)];
  return out;
}

ZipfChoice::ZipfChoice(int64_t size) {
  constexpr int64_t kUnit = int64_t{1} << 32;
  int64_t sum = 0;
  for (int64_t k = 0; k < std::max<int64_t>(size, 1); ++k) {
    sum += kUnit / (k + 1) + 1;
    upper_.push_back(sum);
  }
}

int64_t ZipfChoice::Pick(Dice& dice) const {
  const int64_t at = dice.Below(upper_.back());
  return std::upper_bound(upper_.begin(), upper_.end(), at) - upper_.begin();
}

}  // namespace octolake::event
