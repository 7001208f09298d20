#include "io/buffered_input.h"

#include <cstring>

namespace octolake::io {
namespace {

// Room before the window for bytes given back.
constexpr size_t kHeadroom = 16;
constexpr size_t kCapacity = 256 * 1024;

}  // namespace

BufferedInput::BufferedInput(std::unique_ptr<ByteSource> input)
    : input_(std::move(input)),
      buffer_(kHeadroom + kCapacity),
      begin_(kHeadroom),
      end_(kHeadroom) {}

Result<bool> BufferedInput::Require(size_t count) {
  while (end_ - begin_ < count && !at_end_) {
    const size_t left = end_ - begin_;
    std::memmove(buffer_.data() + kHeadroom, buffer_.data() + begin_, left);
    begin_ = kHeadroom;
    end_ = kHeadroom + left;
    OCTO_ASSIGN(const int64_t got,
                input_->Read(buffer_.data() + end_, static_cast<int64_t>(buffer_.size() - end_)));
    at_end_ = got == 0;
    end_ += static_cast<size_t>(got);
  }
  return end_ - begin_ >= count;
}

void BufferedInput::GiveBack(std::string_view bytes) {
  begin_ -= bytes.size();
  std::memcpy(buffer_.data() + begin_, bytes.data(), bytes.size());
}

Result<std::optional<uint8_t>> BufferedInput::TakeByte() {
  OCTO_ASSIGN(const bool available, Require(1));
  if (!available) return std::optional<uint8_t>();
  return std::optional<uint8_t>(static_cast<uint8_t>(buffer_[begin_++]));
}

}  // namespace octolake::io
