#include "base/hmac.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace octolake {
namespace {

constexpr size_t kBlockBytes = 64;  // of SHA-256
using Block = std::array<char, kBlockBytes>;

std::string_view BytesOf(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Sha256Digest DigestOf(std::string_view first, std::string_view second) {
  Sha256 hash;
  hash.Update(first);
  hash.Update(second);
  return hash.Finish();
}

Block PaddedKey(std::string_view key, unsigned char pad) {
  Block block{};
  std::copy(key.begin(), key.end(), block.begin());
  for (char& byte : block) byte = static_cast<char>(static_cast<unsigned char>(byte) ^ pad);
  return block;
}

}  // namespace

Sha256Digest HmacSha256(std::string_view key, std::string_view message) {
  const Sha256Digest short_key = DigestOf(key, "");
  if (key.size() > kBlockBytes) key = BytesOf(short_key);
  const Block inner = PaddedKey(key, 0x36);
  const Block outer = PaddedKey(key, 0x5C);
  const Sha256Digest digest = DigestOf({inner.data(), inner.size()}, message);
  return DigestOf({outer.data(), outer.size()}, BytesOf(digest));
}

}  // namespace octolake
