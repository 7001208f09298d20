// A zstd frame, decompressed part by part. Throws what Parquet throws. Internal to datafile/.
#pragma once

#include <cstdint>
#include <memory>

struct ZSTD_DCtx_s;  // of zstd.h

namespace arrow {
class Buffer;
}

namespace octolake::datafile {

// Used by one thread.
class ZstdStream {
 public:
  // Of one frame or several. The buffer must outlive the stream.
  explicit ZstdStream(const arrow::Buffer& compressed);

  // The next bytes; fewer than `capacity` only at the end.
  int64_t Read(uint8_t* out, int64_t capacity);
  // Throws unless all has been read, and was whole.
  void CheckEnd();

 private:
  struct FreeDecoder {
    void operator()(ZSTD_DCtx_s* decoder) const;
  };

  int64_t Step(uint8_t* out, int64_t capacity);

  const arrow::Buffer& compressed_;
  const std::unique_ptr<ZSTD_DCtx_s, FreeDecoder> decoder_;
  size_t read_ = 0;     // of what is compressed
  bool at_end_ = true;  // of a frame
};

// All of it, which has so many bytes.
std::shared_ptr<arrow::Buffer> Decompress(const arrow::Buffer& compressed, int64_t bytes);
// All of it, whether or not the frame says how long it is: Java's do not.
std::shared_ptr<arrow::Buffer> DecompressAll(const arrow::Buffer& compressed);

}  // namespace octolake::datafile
