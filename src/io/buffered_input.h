// A window over a ByteSource for decoders: look at what is there, take a part, give a few bytes
// back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/byte_source.h"

namespace octolake::io {

class BufferedInput {
 public:
  explicit BufferedInput(std::unique_ptr<ByteSource> input);

  // What is buffered and not yet taken. Valid until the next call of another member.
  std::string_view window() const { return {buffer_.data() + begin_, end_ - begin_}; }

  // Reads until the window has at least `count` bytes (at most 16) or the input ends; returns
  // whether it has.
  Result<bool> Require(size_t count);

  void Take(size_t count) { begin_ += count; }

  // Puts up to 16 bytes that were taken just now back before the window.
  void GiveBack(std::string_view bytes);

  // The next byte, taken; nullopt at the end.
  Result<std::optional<uint8_t>> TakeByte();

  int64_t consumed() const { return input_->consumed(); }

 private:
  std::unique_ptr<ByteSource> input_;
  std::vector<char> buffer_;
  size_t begin_;
  size_t end_;
  bool at_end_ = false;
};

}  // namespace octolake::io
