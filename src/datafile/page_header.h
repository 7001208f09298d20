// The header of a page in a Parquet file: struct PageHeader of parquet.thrift, in Thrift's compact
// protocol. Arrow reads it too, but only together with decompressing the page.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace octolake::datafile {

struct PageHeader {
  int64_t header_bytes = 0;
  int64_t compressed_bytes = 0;  // of the page, behind the header
  std::optional<uint32_t> crc;   // CRC-32 of those bytes
};

// Reads the header at the front of `bytes`. Nothing if it goes on behind their end; kCorruption if
// they are no page header.
Result<std::optional<PageHeader>> ParsePageHeader(std::string_view bytes);

}  // namespace octolake::datafile
