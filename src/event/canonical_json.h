// Canonical JSON (RFC 8785, JCS), from which the id of an event without one is derived.
//
// Where RFC 8785 would write different documents alike, this does not:
// - A number that is an integer beyond what a double holds, or that a double cannot hold at all
//   (too large, too small), is written with its own digits. Other numbers are doubles, written as
//   ECMAScript writes them.
// - Of a repeated key every member is kept, in the order received.
// - A lone surrogate, which RFC 8785 refuses, is written as its escape.
// Documents without any of these come out exactly as RFC 8785 says.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "event/json_index.h"

namespace octolake::event {

// Appends the canonical form of a value of `index`, which must hold the text of `value`.
void AppendCanonicalJson(const JsonIndex& index, const JsonValue& value, std::string* out);

// The canonical form of one JSON text; kInvalidArgument if it is not one. For tests and tools.
Result<std::string> CanonicalJson(std::string_view json, int max_depth = 256);

// The canonical form of a number literal.
std::string CanonicalNumber(std::string_view literal);

}  // namespace octolake::event
