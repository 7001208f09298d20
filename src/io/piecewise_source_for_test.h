// For tests: a source whose reads end wherever the test wants.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "io/byte_source.h"

namespace octolake::io {

// Gives bytes in pieces of a chosen size, and an error after the last if one is set.
class PiecewiseSource final : public ByteSource {
 public:
  PiecewiseSource(std::string bytes, int64_t piece, std::optional<Error> error = std::nullopt)
      : bytes_(std::move(bytes)), piece_(piece), error_(std::move(error)) {}

  Result<int64_t> Read(char* out, int64_t capacity) override {
    const auto left = static_cast<int64_t>(bytes_.size()) - at_;
    const int64_t count = std::min({piece_, capacity, left});
    if (count == 0 && error_) return tl::unexpected<Error>(*error_);
    std::copy_n(bytes_.data() + at_, count, out);
    at_ += count;
    return count;
  }
  int64_t consumed() const override { return at_; }

 private:
  std::string bytes_;
  int64_t piece_;
  std::optional<Error> error_;
  int64_t at_ = 0;
};

}  // namespace octolake::io
