// Names that go into paths of GitHub's API. For this room only.
#pragma once

#include <algorithm>
#include <string_view>

namespace octolake::source {

// Whether a text is a name as GitHub allows it, which means nothing else within a URL.
inline bool IsPathName(std::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

}  // namespace octolake::source
