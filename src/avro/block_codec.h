// Compression of the blocks of a container file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "avro/container.h"
#include "base/result.h"

namespace octolake::avro {

// The codec of a name in avro.codec; kUnsupported for names this program does not read.
Result<Codec> ParseCodec(std::string_view name);

// `input` compressed. kInvalidArgument for a level that the codec does not have.
Result<std::string> CompressBlock(Codec codec, std::optional<int> level, std::string_view input);

// `input` decompressed. kCorruption if it is broken or cut, kResourceExhausted beyond `limit`
// bytes.
Result<std::string> DecompressBlock(Codec codec, std::string_view input, int64_t limit);

}  // namespace octolake::avro
