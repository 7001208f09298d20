// Small helpers over text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace octolake {

// Whether the two differ at most in the case of ASCII letters.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// The parts of `text` between separators, with spaces around each removed; empty parts are left
// out.
std::vector<std::string> SplitList(std::string_view text, char separator = ',');

// The candidate with the least edit distance to `name`, or "" if none is near enough to be what was
// meant (more than a third of its letters differ).
std::string NearestName(std::string_view name, const std::vector<std::string>& candidates);

// " (did you mean 'x'?)" for the nearest name, or "".
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace octolake
