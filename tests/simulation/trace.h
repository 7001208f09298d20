// What happened, step by step: the last steps as text, all of them as one number.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace octolake::simulation {

class Trace {
 public:
  void Add(std::string line) {
    // FNV-1a; 64 bits tell runs apart, that is all.
    for (const char c : line) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash_ = (hash_ ^ '\n') * 0x100000001b3;
    ++lines_;
    last_.push_back(std::move(line));
    if (last_.size() > kMost) last_.pop_front();
  }

  uint64_t hash() const { return hash_; }
  int64_t lines() const { return lines_; }
  std::string Last(size_t count) const {
    std::string text;
    const size_t first = last_.size() > count ? last_.size() - count : 0;
    for (size_t i = first; i < last_.size(); ++i) text += last_[i] + "\n";
    return text;
  }

 private:
  static constexpr size_t kMost = 1'000;

  std::deque<std::string> last_;
  uint64_t hash_ = 0xcbf29ce484222325;
  int64_t lines_ = 0;
};

}  // namespace octolake::simulation
