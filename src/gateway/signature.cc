#include "gateway/signature.h"

#include <openssl/crypto.h>

#include "base/hex.h"
#include "base/hmac.h"
#include "base/sha256.h"
#include "base/string_util.h"

namespace octolake::gateway {
namespace {

constexpr std::string_view kAlgorithm = "sha256=";
constexpr std::string_view kScheme = "Bearer ";

Sha256Digest DigestOf(std::string_view text) {
  Sha256 hash;
  hash.Update(text);
  return hash.Finish();
}

}  // namespace

bool IsSignedWith(const std::vector<std::string>& secrets, std::string_view body,
                  std::string_view signature) {
  if (!signature.starts_with(kAlgorithm)) return false;
  const auto given = HexDecode(signature.substr(kAlgorithm.size()));
  if (!given || given->size() != Sha256Digest().size()) return false;
  bool found = false;
  for (const std::string& secret : secrets) {
    if (secret.empty()) continue;
    const Sha256Digest digest = HmacSha256(secret, body);
    found |= CRYPTO_memcmp(digest.data(), given->data(), digest.size()) == 0;
  }
  return found;
}

bool HasToken(const std::vector<std::string>& tokens, std::string_view authorization) {
  if (!EqualsIgnoringCase(authorization.substr(0, kScheme.size()), kScheme)) return false;
  // Digests have one length: neither it nor the place of a difference shows in the time taken.
  const Sha256Digest given = DigestOf(authorization.substr(kScheme.size()));
  bool found = false;
  for (const std::string& token : tokens) {
    if (token.empty()) continue;
    const Sha256Digest wanted = DigestOf(token);
    found |= CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
  }
  return found;
}

}  // namespace octolake::gateway
