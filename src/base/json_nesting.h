// A limit on nesting for JSON of unknown origin: parsers and printers that work by recursion would
// exhaust the stack.
#pragma once

#include <string_view>

namespace octolake {

// Twice what formats of this program nest at most.
inline constexpr int kMaxJsonNesting = 512;

// Whether arrays and objects are nested more than kMaxJsonNesting deep. Looks at brackets outside
// of strings only; of text that is no JSON it says something harmless.
bool IsNestedTooDeeply(std::string_view json);

}  // namespace octolake
