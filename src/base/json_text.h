// JSON values as text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace octolake {

// On one line, or indented by so many spaces. Bytes that are no UTF-8 become U+FFFD, so that text
// of anybody's, such as an error message with a file's name in it, is no reason to fail.
template <typename Json>
std::string JsonText(const Json& value, int indent = -1) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace octolake
