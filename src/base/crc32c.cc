#include "base/crc32c.h"

#include <array>
#include <cstring>

namespace octolake {
namespace {

constexpr uint32_t kReversedPolynomial = 0x82F63B78u;
constexpr size_t kSlices = 8;

using Tables = std::array<std::array<uint32_t, 256>, kSlices>;

// tables[n][b]: what byte b does to the CRC when n more bytes follow.
constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kReversedPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < kSlices; ++slice) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

uint64_t LoadEight(const char* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t ByInstruction(std::string_view bytes, uint32_t crc) {
  uint64_t state = crc;
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    state = __builtin_ia32_crc32di(state, LoadEight(bytes.data() + at));
  }
  auto last = static_cast<uint32_t>(state);
  for (; at < bytes.size(); ++at) {
    last = __builtin_ia32_crc32qi(last, static_cast<unsigned char>(bytes[at]));
  }
  return last;
}

bool HasInstruction() {
  static const bool has = __builtin_cpu_supports("sse4.2") != 0;
  return has;
}
#endif

uint32_t ByTables(std::string_view bytes, uint32_t crc) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  size_t at = 0;
  for (; at + kSlices <= bytes.size(); at += kSlices) {
    const uint64_t value = LoadEight(bytes.data() + at) ^ crc;
    crc = 0;
    for (size_t byte = 0; byte < kSlices; ++byte) {
      crc ^= kTables[kSlices - 1 - byte][(value >> (8 * byte)) & 0xFF];
    }
  }
  for (; at < bytes.size(); ++at) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(bytes[at])) & 0xFF];
  }
  return crc;
}

}  // namespace

uint32_t Crc32c(std::string_view bytes, uint32_t crc_before) {
#if defined(__x86_64__)
  if (HasInstruction()) return ~ByInstruction(bytes, ~crc_before);
#endif
  return Crc32cPortable(bytes, crc_before);
}

uint32_t Crc32cPortable(std::string_view bytes, uint32_t crc_before) {
  return ~ByTables(bytes, ~crc_before);
}

}  // namespace octolake
