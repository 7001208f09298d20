// Zstandard frames (RFC 8878) through libzstd's streaming interface.
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "io/stream_decoder.h"

namespace octolake::io {
namespace {

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

class ZstdDecoder final : public StreamDecoder {
 public:
  ZstdDecoder(BufferedInput& input, std::string name, int max_window_log)
      : input_(input),
        name_(std::move(name)),
        max_window_log_(max_window_log),
        stream_(ZSTD_createDStream()) {}

  Status Decode(char* out, int64_t capacity, int64_t* produced) override {
    *produced = 0;
    OCTO_TRY(Prepare());
    while (*produced == 0) {
      OCTO_ASSIGN(const bool more, input_.Require(1));
      if (!more && !in_frame_) return {};
      const std::string_view window = input_.window();
      ZSTD_inBuffer in{window.data(), window.size(), 0};
      ZSTD_outBuffer target{out, static_cast<size_t>(capacity), 0};
      const size_t result = ZSTD_decompressStream(stream_.get(), &target, &in);
      input_.Take(in.pos);
      *produced = static_cast<int64_t>(target.pos);
      if (ZSTD_isError(result)) return Failure(result);
      in_frame_ = result != 0;
      if (*produced == 0 && in_frame_ && !more) {
        return MakeError(ErrorKind::kCorruption,
                         name_ + ": zstd data is cut: the input ended in the middle of a frame");
      }
    }
    return {};
  }

 private:
  Status Prepare() {
    if (prepared_) return {};
    if (stream_ == nullptr ||
        ZSTD_isError(ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, max_window_log_))) {
      return MakeError(ErrorKind::kResourceExhausted, name_ + ": no memory for a zstd decoder");
    }
    prepared_ = true;
    return {};
  }

  Status Failure(size_t result) const {
    const ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
    if (code == ZSTD_error_frameParameter_windowTooLarge) {
      return MakeError(ErrorKind::kResourceExhausted,
                       name_ +
                           ": zstd data needs a window of more than 128 MiB; compress it again "
                           "without --long or --ultra beyond that");
    }
    const ErrorKind kind = code == ZSTD_error_memory_allocation ? ErrorKind::kResourceExhausted
                                                                : ErrorKind::kCorruption;
    return MakeError(kind, name_ + ": broken zstd data: " + ZSTD_getErrorName(result));
  }

  BufferedInput& input_;
  std::string name_;
  const int max_window_log_;
  std::unique_ptr<ZSTD_DStream, FreeStream> stream_;
  bool prepared_ = false;
  bool in_frame_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> MakeZstdDecoder(BufferedInput& input, std::string name,
                                               int max_window_log) {
  return std::make_unique<ZstdDecoder>(input, std::move(name), max_window_log);
}

}  // namespace octolake::io
