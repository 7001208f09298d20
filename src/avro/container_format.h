// What the writer and the reader of container files agree on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace octolake::avro {

inline constexpr std::string_view kMagic("Obj\x01", 4);
inline constexpr size_t kSyncBytes = 16;
inline constexpr std::string_view kSchemaKey = "avro.schema";
inline constexpr std::string_view kCodecKey = "avro.codec";
// Records that take no bytes are bounded by nothing in a block.
inline constexpr int64_t kMaxEmptyRecords = 1 << 20;

}  // namespace octolake::avro
