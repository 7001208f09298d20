#include <algorithm>

#include "base/hex.h"
#include "event/json_index.h"

namespace octolake::event {
namespace {

constexpr uint32_t kHighSurrogate = 0xd800;
constexpr uint32_t kLowSurrogate = 0xdc00;
constexpr uint32_t kAfterSurrogates = 0xe000;

uint32_t FourHex(std::string_view s) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value * 16 + static_cast<uint32_t>(HexDigitValue(s[i]));
  return value;
}

void AppendUtf8(uint32_t code, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

char SimpleEscape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;  // a quote, a backslash or a slash
  }
}

void AppendUnicodeEscape(uint32_t code, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  *out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out->push_back(kHex[code >> shift & 0xf]);
}

void AppendControl(char c, std::string* out) {
  switch (c) {
    case '\b':
      *out += "\\b";
      break;
    case '\f':
      *out += "\\f";
      break;
    case '\n':
      *out += "\\n";
      break;
    case '\r':
      *out += "\\r";
      break;
    case '\t':
      *out += "\\t";
      break;
    default:
      AppendUnicodeEscape(static_cast<uint8_t>(c), out);
  }
}

}  // namespace

bool AppendUnescaped(std::string_view inner, Surrogates surrogates, std::string* out) {
  size_t i = 0;
  while (i < inner.size()) {
    const size_t backslash = std::min(inner.find('\\', i), inner.size());
    out->append(inner.substr(i, backslash - i));
    if (backslash == inner.size()) break;
    i = backslash + 2;
    if (inner[backslash + 1] != 'u') {
      out->push_back(SimpleEscape(inner[backslash + 1]));
      continue;
    }
    uint32_t code = FourHex(inner.substr(i, 4));
    i += 4;
    if (code >= kHighSurrogate && code < kLowSurrogate && inner.substr(i, 2) == "\\u") {
      const uint32_t low = FourHex(inner.substr(i + 2, 4));
      if (low >= kLowSurrogate && low < kAfterSurrogates) {
        code = 0x10000 + ((code - kHighSurrogate) << 10) + (low - kLowSurrogate);
        i += 6;
      }
    }
    const bool lone = code >= kHighSurrogate && code < kAfterSurrogates;
    if (lone && surrogates == Surrogates::kRefuse) return false;
    AppendUtf8(code, out);
  }
  return true;
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t from = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t c = static_cast<uint8_t>(text[i]);
    const bool lone_surrogate =
        c == 0xed && i + 2 < text.size() && static_cast<uint8_t>(text[i + 1]) >= 0xa0;
    if (c >= 0x20 && c != '"' && c != '\\' && !lone_surrogate) continue;
    out->append(text.substr(from, i - from));
    if (lone_surrogate) {
      AppendUnicodeEscape(0xd000 | (static_cast<uint8_t>(text[i + 1]) & 0x3f) << 6 |
                              (static_cast<uint8_t>(text[i + 2]) & 0x3f),
                          out);
      i += 2;
    } else if (c < 0x20) {
      AppendControl(text[i], out);
    } else {
      out->push_back('\\');
      out->push_back(text[i]);
    }
    from = i + 1;
  }
  out->append(text.substr(from));
  out->push_back('"');
}

}  // namespace octolake::event
