// HMAC-SHA256 (RFC 2104): what proves that a message comes from one who knows a key.
#pragma once

#include <string_view>

#include "base/sha256.h"

namespace octolake {

Sha256Digest HmacSha256(std::string_view key, std::string_view message);

}  // namespace octolake
