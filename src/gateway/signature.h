// How senders prove who they are: GitHub's webhook signature and bearer tokens. Comparisons take
// the same time whatever differs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace octolake::gateway {

// Whether `signature` is "sha256=" and the hexadecimal HMAC-SHA256 of `body` under one of the
// secrets (docs.github.com, "Validating webhook deliveries"). Every secret is tried.
bool IsSignedWith(const std::vector<std::string>& secrets, std::string_view body,
                  std::string_view signature);

// Whether `authorization` is "Bearer " and one of the tokens (RFC 6750).
bool HasToken(const std::vector<std::string>& tokens, std::string_view authorization);

}  // namespace octolake::gateway
