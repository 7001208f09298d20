#include "iceberg/utf8.h"

namespace octolake::iceberg {

std::optional<CodePoint> FirstCodePoint(std::string_view utf8) {
  if (utf8.empty()) return std::nullopt;
  const auto lead = static_cast<uint8_t>(utf8.front());
  if (lead < 0x80) return CodePoint{lead, 1};
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || utf8.size() < length) return std::nullopt;
  uint32_t value = lead & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<uint8_t>(utf8[i]);
    if ((byte & 0xC0) != 0x80) return std::nullopt;
    value = (value << 6) | (byte & 0x3FU);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return std::nullopt;
  return CodePoint{value, length};
}

void AppendCodePoint(uint32_t code_point, std::string& out) {
  const auto tail = [&](int shift) {
    out += static_cast<char>(0x80 | ((code_point >> shift) & 0x3F));
  };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | (code_point >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (code_point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

size_t PrefixLength(std::string_view utf8, int64_t code_points) {
  size_t length = 0;
  for (int64_t i = 0; i < code_points && length < utf8.size(); ++i) {
    const auto code_point = FirstCodePoint(utf8.substr(length));
    length += code_point ? code_point->length : 1;
  }
  return length;
}

}  // namespace octolake::iceberg
