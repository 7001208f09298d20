// Compression of the blocks of a container file.
#pragma once

#include <cstdint>
#include <memory>
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

// Decompresses blocks one after another. Not thread-safe.
class BlockDecompressor {
 public:
  BlockDecompressor();
  ~BlockDecompressor();

  // `input` decompressed. kCorruption if it is broken or cut, kResourceExhausted beyond `limit`
  // bytes.
  Result<std::string> Decompress(Codec codec, std::string_view input, int64_t limit);

 private:
  class Buffer;
  struct Decoders;
  Status Inflate(std::string_view input, int64_t limit);
  Status DecompressZstd(std::string_view input, int64_t limit);

  std::unique_ptr<Buffer> buffer_;
  std::unique_ptr<Decoders> decoders_;
};

}  // namespace octolake::avro
