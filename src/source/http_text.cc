#include "source/http_text.h"

#include <time.h>

#include "base/string_util.h"

namespace octolake::source {

std::optional<int64_t> NumberIn(std::string_view text) {
  const bool is_signed = text.starts_with('-');
  return is_signed ? std::nullopt : ParseNumber<int64_t>(text);
}

std::optional<int64_t> ParseHttpDate(std::string_view text) {
  const std::string terminated(text);
  struct tm parts {};
  const char* end = ::strptime(terminated.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&parts);
}

std::string_view OriginOf(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  return url.substr(0, url.find_first_of("/?#", scheme + 3));
}

Status CheckUrl(std::string_view url) {
  const std::string_view origin = OriginOf(url);
  const std::string_view scheme = origin.substr(0, origin.find("://"));
  if (const size_t at = origin.find('@'); at != std::string_view::npos) {
    return MakeError(ErrorKind::kInvalidArgument,
                     std::string(scheme) + "://…@" + std::string(url.substr(at + 1)) +
                         ": expected a URL without user and password, since it is kept with the "
                         "rows; download the file and load that");
  }
  if ((scheme == "http" || scheme == "https") && origin.size() > scheme.size() + 3) return {};
  return MakeError(
      ErrorKind::kInvalidArgument,
      std::string(url) + ": expected a URL that begins with http:// or https:// and a host");
}

}  // namespace octolake::source
