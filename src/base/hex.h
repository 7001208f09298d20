// Bytes as lower-case hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace octolake {

std::string HexEncode(std::string_view bytes);

// Accepts upper and lower case; kInvalidArgument for anything that is not pairs of hex digits.
Result<std::string> HexDecode(std::string_view text);

// 0..15, or -1 if `c` is no hex digit.
int HexDigitValue(char c);

}  // namespace octolake
