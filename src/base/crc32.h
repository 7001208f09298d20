// CRC-32 (polynomial 0x04C11DB7 reflected, as gzip, zip and Parquet pages have it).
#pragma once

#include <cstdint>
#include <string_view>

namespace octolake {

// Of `bytes` alone, or continuing from the CRC of what came before.
uint32_t Crc32(std::string_view bytes, uint32_t before = 0);

}  // namespace octolake
