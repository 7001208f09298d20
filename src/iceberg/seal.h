// Seals: checksums inside the metadata files we write, so that one which was altered, or which lies
// where another belongs, is not taken for good. Neither JSON nor Avro with deflate has any of its
// own. Other engines pass over them, and lose them when they write a file anew; a file without a
// seal is taken as it is. For the .cc files of this room only.
//
// A seal is eight hexadecimal digits: the CRC-32 of the file's name (without its directories), then
// of its bytes with the seal's digits as zeros.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace octolake::iceberg {

// Stands where the digits will be.
inline constexpr std::string_view kBlankSeal = "00000000";
// The key in the file metadata of Avro files, of which it must be the last entry.
inline constexpr std::string_view kAvroSealKey = "octolake.crc32";

// Writes the digits over the blank ones at `at`.
void Seal(const std::string& location, size_t at, std::string& bytes);
// kCorruption, naming the file, unless the eight bytes at `at` are the right ones.
Status CheckSeal(const std::string& location, size_t at, std::string_view bytes);

// Table metadata: the seal is the first member of the JSON object.
std::string SealJson(const std::string& location, std::string json);
Status CheckJsonSeal(const std::string& location, std::string_view json);

// Where an Avro container's seal is, given the length of its header.
size_t AvroSealPosition(int64_t header_bytes);

}  // namespace octolake::iceberg
