// What the fuzz targets (*_fuzz.cc) share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace octolake::fuzz {

// Ends the program, which makes the input a finding.
[[noreturn]] inline void Fail(std::string_view what, std::string_view detail = {}) {
  std::fprintf(stderr, "finding: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

inline void Check(bool holds, std::string_view what, std::string_view detail = {}) {
  if (!holds) Fail(what, detail);
}

// The value of a result that no input may make fail.
template <typename T>
T Value(Result<T> result, std::string_view what) {
  if (!result) Fail(what, result.error().message);
  return std::move(result).value();
}

// Takes an input apart. What is not there reads as 0 or as nothing.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  // Up to the next NUL byte, which is taken, too.
  std::string Text() {
    const size_t end = std::min(rest_.find('\0'), rest_.size());
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return text;
  }
  // All that is left.
  std::string_view Rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace octolake::fuzz
