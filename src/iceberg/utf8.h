// Code points of UTF-8 text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace octolake::iceberg {

struct CodePoint {
  uint32_t value = 0;
  size_t length = 0;  // bytes
};

// The first code point; nullopt if the text does not begin with a well-formed one (overlong forms
// and surrogates are not).
std::optional<CodePoint> FirstCodePoint(std::string_view utf8);
void AppendCodePoint(uint32_t code_point, std::string& out);

// The length in bytes of the first `code_points` characters; a byte that is part of none counts as
// one character.
size_t PrefixLength(std::string_view utf8, int64_t code_points);

}  // namespace octolake::iceberg
