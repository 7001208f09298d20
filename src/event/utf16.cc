#include "event/utf16.h"

namespace octolake::event {
namespace {

uint32_t UnitAt(std::string_view units, size_t at, ByteOrder order) {
  const uint32_t first = static_cast<uint8_t>(units[at]);
  const uint32_t second = static_cast<uint8_t>(units[at + 1]);
  return order == ByteOrder::kLittle ? first | second << 8 : first << 8 | second;
}

size_t PutUtf8(uint32_t code, char* out) {
  if (code < 0x80) {
    out[0] = static_cast<char>(code);
    return 1;
  }
  const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = length - 1; i > 0; --i) {
    out[i] = static_cast<char>(0x80 | (code & 0x3f));
    code >>= 6;
  }
  out[0] = static_cast<char>((0xf00 >> length & 0xf0) | code);
  return length;
}

}  // namespace

Utf16Progress Utf16ToUtf8(std::string_view units, ByteOrder order, bool last, char* out) {
  Utf16Progress done;
  while (done.read + 2 <= units.size()) {
    uint32_t code = UnitAt(units, done.read, order);
    size_t width = 2;
    if (code >= 0xd800 && code < 0xdc00) {
      if (done.read + 4 <= units.size()) {
        const uint32_t low = UnitAt(units, done.read + 2, order);
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          width = 4;
        }
      } else if (!last) {
        break;
      }
    }
    done.read += width;
    done.written += PutUtf8(code, out + done.written);
  }
  if (last && done.read < units.size()) {
    out[done.written++] = static_cast<char>(0xff);
    ++done.read;
  }
  return done;
}

int64_t Utf16Width(std::string_view utf8) {
  int64_t width = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte == 0xff) {
      width += 1;
    } else if (byte >= 0xf0) {
      width += 4;
    } else if (byte < 0x80 || byte >= 0xc0) {
      width += 2;
    }
  }
  return width;
}

}  // namespace octolake::event
