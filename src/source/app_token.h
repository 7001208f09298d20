// How a GitHub App proves who it is.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace octolake::source {

// A JSON Web Token (RFC 7519, RS256) for GitHub's API, good for nine minutes from `now`. `app` is
// the App's id or client id, `private_key` its RSA key in PEM. kInvalidArgument for another key.
Result<std::string> MakeAppToken(const std::string& app, const std::string& private_key,
                                 TimestampMicros now);

}  // namespace octolake::source
