#include "base/hex.h"

namespace octolake {

std::string HexEncode(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

int HexDigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) {
    return MakeError(ErrorKind::kInvalidArgument, "hexadecimal text has an odd number of digits: " +
                                                      std::to_string(text.size()));
  }
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigitValue(text[i]);
    const int low = HexDigitValue(text[i + 1]);
    if (high < 0 || low < 0) {
      return MakeError(ErrorKind::kInvalidArgument, "not a hexadecimal digit at position " +
                                                        std::to_string(high < 0 ? i : i + 1));
    }
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

}  // namespace octolake
