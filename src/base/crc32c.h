// CRC-32C (Castagnoli; RFC 3720, appendix B.4), by the processor's instruction where it has one.
#pragma once

#include <cstdint>
#include <string_view>

namespace octolake {

// Of `bytes`, continuing from the CRC of what came before: Crc32c("ab") == Crc32c("b",
// Crc32c("a")).
uint32_t Crc32c(std::string_view bytes, uint32_t crc_before = 0);

// The same without the instruction.
uint32_t Crc32cPortable(std::string_view bytes, uint32_t crc_before = 0);

}  // namespace octolake
