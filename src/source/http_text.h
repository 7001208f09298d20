// Numbers, dates and URLs as they are written in HTTP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace octolake::source {

// A number without sign, and nothing else.
std::optional<int64_t> NumberIn(std::string_view text);

// "Sun, 06 Nov 1994 08:49:37 GMT" -> seconds since 1970 (RFC 9110, section 5.6.7; not its obsolete
// forms).
std::optional<int64_t> ParseHttpDate(std::string_view text);

// "https://host:port" of a URL; "" if there is none.
std::string_view OriginOf(std::string_view url);

// kInvalidArgument unless the URL is http or https, has a host, and neither user nor password: it
// is kept with what was loaded from it. The message does not repeat those.
Status CheckUrl(std::string_view url);

}  // namespace octolake::source
