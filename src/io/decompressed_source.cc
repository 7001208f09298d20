#include <algorithm>
#include <cstring>
#include <optional>

#include "io/buffered_input.h"
#include "io/byte_source.h"
#include "io/stream_decoder.h"

namespace octolake::io {
namespace {

// No format needs more of a stream's first bytes to be told.
constexpr size_t kMagicBytes = 4;

bool IsGzip(std::string_view head) { return head.starts_with("\x1f\x8b"); }

bool IsZstd(std::string_view head) {
  if (head.starts_with("\x28\xb5\x2f\xfd")) return true;
  // A skippable frame: 0x184D2A50 to 0x184D2A5F, little endian.
  return head.size() >= kMagicBytes && (head[0] & 0xf0) == 0x50 &&
         head.substr(1, 3) == "\x2a\x4d\x18";
}

// Bytes that are not compressed.
class PlainDecoder final : public StreamDecoder {
 public:
  explicit PlainDecoder(BufferedInput& input) : input_(input) {}

  Status Decode(char* out, int64_t capacity, int64_t* produced) override {
    *produced = 0;
    OCTO_TRY(input_.Require(1));
    const std::string_view window = input_.window();
    const size_t count = std::min(window.size(), static_cast<size_t>(capacity));
    std::memcpy(out, window.data(), count);
    input_.Take(count);
    *produced = static_cast<int64_t>(count);
    return {};
  }

 private:
  BufferedInput& input_;
};

class DecompressedSource final : public ByteSource {
 public:
  DecompressedSource(std::unique_ptr<ByteSource> input, std::string name, int max_zstd_window_log)
      : input_(std::move(input)),
        name_(std::move(name)),
        max_zstd_window_log_(max_zstd_window_log) {}

  Result<int64_t> Read(char* out, int64_t capacity) override {
    if (failed_) return tl::unexpected<Error>(*failed_);
    if (capacity <= 0) return 0;
    int64_t produced = 0;
    if (Status status = Decode(out, capacity, &produced); !status) {
      failed_ = std::move(status).error();
      if (produced == 0) return tl::unexpected<Error>(*failed_);
    }
    return produced;
  }

  int64_t consumed() const override { return input_.consumed(); }

 private:
  Status Decode(char* out, int64_t capacity, int64_t* produced) {
    if (decoder_ == nullptr) {
      OCTO_TRY(input_.Require(kMagicBytes));
      const std::string_view head = input_.window();
      decoder_ = IsGzip(head)   ? MakeGzipDecoder(input_, name_)
                 : IsZstd(head) ? MakeZstdDecoder(input_, name_, max_zstd_window_log_)
                                : std::make_unique<PlainDecoder>(input_);
    }
    return decoder_->Decode(out, capacity, produced);
  }

  BufferedInput input_;
  std::string name_;
  const int max_zstd_window_log_;
  std::unique_ptr<StreamDecoder> decoder_;
  std::optional<Error> failed_;
};

}  // namespace

std::unique_ptr<ByteSource> MakeDecompressedSource(std::unique_ptr<ByteSource> input,
                                                   std::string name, int max_zstd_window_log) {
  return std::make_unique<DecompressedSource>(std::move(input), std::move(name),
                                              max_zstd_window_log);
}

}  // namespace octolake::io
