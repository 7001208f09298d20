// A window that moves over an input of text, giving UTF-8 whatever the input is: a byte order mark
// is left out, and UTF-16 (with a mark, or told by the zero byte beside its first character) is
// converted as it is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/byte_source.h"

namespace octolake::event {

// The byte order mark of UTF-8.
inline constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf";

// Memory follows the longest text looked at without Advance. Not thread-safe.
class TextWindow {
 public:
  explicit TextWindow(std::unique_ptr<io::ByteSource> input);

  // What has been read from the position on; kJsonPadding more bytes are readable. Good until the
  // next More.
  std::string_view ahead() const { return {buffer_.data() + begin_, end_ - begin_}; }

  // Reads more behind what is ahead; false at the end of the input. An error is final.
  Result<bool> More();
  bool at_end() const { return at_end_; }

  // Moves the position; `count` is at most ahead().size().
  void Advance(size_t count);

  // Of the position, in bytes of the input as it came (a mark and UTF-16 included).
  int64_t offset() const { return offset_; }

 private:
  enum class Encoding { kUnknown, kUtf8, kUtf16Le, kUtf16Be };

  Status DetectEncoding();
  Result<bool> MoreUtf16();
  void MakeRoom(size_t count);

  std::unique_ptr<io::ByteSource> input_;
  Encoding encoding_ = Encoding::kUnknown;
  bool at_end_ = false;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  int64_t offset_ = 0;
  std::vector<char> units_;  // UTF-16 bytes not converted yet
};

}  // namespace octolake::event
