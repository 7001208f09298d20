#include <vector>

#include "iceberg/literal.h"
#include "iceberg/utf8.h"

namespace octolake::iceberg {
namespace {

constexpr uint32_t kLastBeforeSurrogates = 0xD7FF;
constexpr uint32_t kFirstAfterSurrogates = 0xE000;
constexpr uint32_t kLastCodePoint = 0x10FFFF;

}  // namespace

std::string TruncateLower(std::string_view utf8, int code_points) {
  return std::string(utf8.substr(0, PrefixLength(utf8, code_points)));
}

std::optional<std::string> TruncateUpper(std::string_view utf8, int code_points) {
  const size_t length = PrefixLength(utf8, code_points);
  if (length == utf8.size()) return std::string(utf8);

  std::vector<uint32_t> prefix;
  for (size_t at = 0; at < length;) {
    const auto code_point = FirstCodePoint(utf8.substr(at, length - at));
    // A string that is not UTF-8 has no next one in the order of code points.
    if (!code_point) return std::nullopt;
    prefix.push_back(code_point->value);
    at += code_point->length;
  }
  while (!prefix.empty() && prefix.back() == kLastCodePoint) prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  uint32_t& last = prefix.back();
  last = last == kLastBeforeSurrogates ? kFirstAfterSurrogates : last + 1;

  std::string upper;
  for (const uint32_t code_point : prefix) AppendCodePoint(code_point, upper);
  return upper;
}

}  // namespace octolake::iceberg
