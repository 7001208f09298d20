#include "event/text_window.h"

#include <algorithm>
#include <cstring>

#include "event/json_index.h"
#include "event/utf16.h"

namespace octolake::event {
namespace {

// Large enough that lines rarely cross it, small enough to stay in the second-level cache.
constexpr size_t kChunkBytes = size_t{256} << 10;

bool MayBeginJson(char c) { return c != '\0' && static_cast<uint8_t>(c) < 0x80; }

}  // namespace

TextWindow::TextWindow(std::unique_ptr<io::ByteSource> input) : input_(std::move(input)) {
  buffer_.resize(2 * kChunkBytes + kJsonPadding);
}

void TextWindow::MakeRoom(size_t count) {
  if (begin_ > 0 && buffer_.size() - kJsonPadding - end_ < count) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const size_t needed = end_ + count + kJsonPadding;
  if (needed > buffer_.size()) buffer_.resize(std::max(needed, buffer_.size() * 2));
}

void TextWindow::Advance(size_t count) {
  const bool utf16 = encoding_ == Encoding::kUtf16Le || encoding_ == Encoding::kUtf16Be;
  offset_ += utf16 ? Utf16Width(ahead().substr(0, count)) : static_cast<int64_t>(count);
  begin_ += count;
}

// Reads the first bytes into units_, which is handed on to the buffer if they are UTF-8.
Status TextWindow::DetectEncoding() {
  units_.resize(4);
  size_t have = 0;
  while (have < 3) {
    OCTO_ASSIGN(const int64_t got,
                input_->Read(units_.data() + have, static_cast<int64_t>(units_.size() - have)));
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  units_.resize(have);
  const std::string_view start(units_.data(), have);
  size_t mark = 0;
  if (start.starts_with("\xff\xfe")) {
    encoding_ = Encoding::kUtf16Le;
    mark = 2;
  } else if (start.starts_with("\xfe\xff")) {
    encoding_ = Encoding::kUtf16Be;
    mark = 2;
  } else if (have >= 2 && MayBeginJson(start[0]) && start[1] == '\0') {
    encoding_ = Encoding::kUtf16Le;
  } else if (have >= 2 && start[0] == '\0' && MayBeginJson(start[1])) {
    encoding_ = Encoding::kUtf16Be;
  } else {
    encoding_ = Encoding::kUtf8;
    mark = start.starts_with(kUtf8Mark) ? kUtf8Mark.size() : size_t{0};
    std::memcpy(buffer_.data(), start.data() + mark, have - mark);
    end_ = have - mark;
    units_.clear();
  }
  if (encoding_ != Encoding::kUtf8) units_.erase(units_.begin(), units_.begin() + mark);
  offset_ = static_cast<int64_t>(mark);
  return {};
}

Result<bool> TextWindow::More() {
  if (at_end_) return false;
  if (encoding_ == Encoding::kUnknown) {
    OCTO_TRY(DetectEncoding());
    if (end_ > begin_) return true;
  }
  if (encoding_ != Encoding::kUtf8) return MoreUtf16();
  MakeRoom(kChunkBytes);
  const auto room = static_cast<int64_t>(buffer_.size() - kJsonPadding - end_);
  OCTO_ASSIGN(const int64_t got, input_->Read(buffer_.data() + end_, room));
  end_ += static_cast<size_t>(got);
  at_end_ = got == 0;
  return !at_end_;
}

Result<bool> TextWindow::MoreUtf16() {
  const ByteOrder order = encoding_ == Encoding::kUtf16Le ? ByteOrder::kLittle : ByteOrder::kBig;
  for (;;) {
    const size_t kept = units_.size();
    units_.resize(kept + kChunkBytes);
    OCTO_ASSIGN(const int64_t got, input_->Read(units_.data() + kept, kChunkBytes));
    units_.resize(kept + static_cast<size_t>(got));
    at_end_ = got == 0;
    MakeRoom(Utf8Capacity(units_.size()));
    const Utf16Progress done =
        Utf16ToUtf8({units_.data(), units_.size()}, order, at_end_, buffer_.data() + end_);
    units_.erase(units_.begin(), units_.begin() + static_cast<std::ptrdiff_t>(done.read));
    end_ += done.written;
    if (done.written > 0) return true;
    if (at_end_) return false;
  }
}

}  // namespace octolake::event
