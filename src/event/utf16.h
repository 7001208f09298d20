// UTF-16 to UTF-8, in pieces.
#pragma once

#include <cstdint>
#include <string_view>

namespace octolake::event {

enum class ByteOrder { kLittle, kBig };

// The UTF-8 bytes that `count` UTF-16 bytes can become at most.
constexpr size_t Utf8Capacity(size_t count) { return count / 2 * 3 + 3; }

struct Utf16Progress {
  size_t read = 0;     // bytes of UTF-16
  size_t written = 0;  // bytes of UTF-8
};

// Converts as much of `units` as is whole; with `last`, all of it. A surrogate without its pair is
// encoded like any code point and a last odd byte as FF, neither of which is UTF-8: the document
// that holds it is rejected, and nothing is silently replaced.
Utf16Progress Utf16ToUtf8(std::string_view units, ByteOrder order, bool last, char* out);

// How many UTF-16 bytes these whole characters came from.
int64_t Utf16Width(std::string_view utf8);

}  // namespace octolake::event
