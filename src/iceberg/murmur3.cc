#include "iceberg/murmur3.h"

#include <bit>
#include <cstring>

namespace octolake::iceberg {
namespace {

uint32_t Scramble(uint32_t block) { return std::rotl(block * 0xCC9E2D51U, 15) * 0x1B873593U; }

}  // namespace

uint32_t Murmur3(std::string_view bytes) {
  uint32_t hash = 0;
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    uint32_t block = 0;
    std::memcpy(&block, bytes.data() + at, sizeof(block));
    hash = std::rotl(hash ^ Scramble(block), 13) * 5 + 0xE6546B64U;
  }
  if (at < bytes.size()) {
    uint32_t tail = 0;
    std::memcpy(&tail, bytes.data() + at, bytes.size() - at);
    hash ^= Scramble(tail);
  }
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ (hash >> 16)) * 0x85EBCA6BU;
  hash = (hash ^ (hash >> 13)) * 0xC2B2AE35U;
  return hash ^ (hash >> 16);
}

}  // namespace octolake::iceberg
