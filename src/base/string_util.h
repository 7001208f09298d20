// Small helpers over text.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace octolake {

// Whether the two differ at most in the case of ASCII letters.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// `text` without the given characters at both ends.
std::string_view Trim(std::string_view text, std::string_view characters = " \t");

// The number that the whole of `text` is, in decimal digits with at most a "-" before them (and a
// point or an exponent if Number is a floating-point type); nullopt if it is anything else, or out
// of Number's range.
template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const std::from_chars_result parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(number) : std::nullopt;
}

// The parts of `text` between separators, with spaces around each removed; empty parts are left
// out.
std::vector<std::string> SplitList(std::string_view text, char separator = ',');

// The candidate with the least edit distance to `name`, or "" if none is near enough to be what was
// meant (more than a third of its letters differ).
std::string NearestName(std::string_view name, const std::vector<std::string>& candidates);

// " (did you mean 'x'?)" for the nearest name, or "".
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace octolake
