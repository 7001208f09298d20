// Single values of primitive types: their order, and their binary form in column bounds and
// partition summaries (specification, appendix D).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

// Holds, by type: bool (boolean), int32_t (int, date: days), int64_t (long, time, timestamp,
// timestamptz: microseconds), float, double, __int128 (decimal: unscaled), std::string (string:
// UTF-8; uuid, fixed, binary: bytes).
using Literal = std::variant<bool, int32_t, int64_t, float, double, __int128, std::string>;

// kInvalidArgument if the literal does not hold what the type asks for.
Result<std::string> EncodeLiteral(const Type& type, const Literal& value);
// Also takes a 4-byte bound for long or double, written before the column was widened.
// kCorruption if the bytes cannot be a value of the type.
Result<Literal> DecodeLiteral(const Type& type, std::string_view bytes);

// The order of the specification (strings by UTF-8 bytes, -NaN < -inf ... +inf < NaN). Both must
// hold the same alternative.
std::strong_ordering CompareLiterals(const Literal& a, const Literal& b);

// For messages, partition paths and JSON defaults: 2015-01-01, 2015-01-01T00:00:00+00:00, ...
std::string LiteralText(const Type& type, const Literal& value);

// The greatest prefix of at most `code_points` characters, and the least string that is above all
// strings with that prefix (nullopt if none exists). Column bounds of strings are cut by these.
std::string TruncateLower(std::string_view utf8, int code_points);
std::optional<std::string> TruncateUpper(std::string_view utf8, int code_points);

}  // namespace octolake::iceberg
