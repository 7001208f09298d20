// Decoders of one compressed format each; MakeDecompressedSource picks one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/buffered_input.h"

namespace octolake::io {

class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  // Decodes into `out` what can be had, at least one byte unless the stream is at its clean end
  // (0). `*produced` counts the good bytes in `out`, also when an error is returned; after an error
  // it is not called again.
  virtual Status Decode(char* out, int64_t capacity, int64_t* produced) = 0;
};

// `input` must outlive the decoder and be at the magic number; `name` is for errors.
std::unique_ptr<StreamDecoder> MakeGzipDecoder(BufferedInput& input, std::string name);
std::unique_ptr<StreamDecoder> MakeZstdDecoder(BufferedInput& input, std::string name,
                                               int max_window_log);

}  // namespace octolake::io
