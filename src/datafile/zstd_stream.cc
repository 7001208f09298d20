#include "datafile/zstd_stream.h"

#include <arrow/buffer.h>
#include <arrow/buffer_builder.h>
#include <arrow/status.h>
#include <parquet/exception.h>
#include <zstd.h>

#include <limits>
#include <string>

#include "datafile/column_chunk.h"

namespace octolake::datafile {
namespace {

constexpr int64_t kReadAtOnce = int64_t{64} << 10;
// Parquet counts the bytes of a page with a sign.
constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

}  // namespace

void ZstdStream::FreeDecoder::operator()(ZSTD_DCtx_s* decoder) const { ZSTD_freeDCtx(decoder); }

ZstdStream::ZstdStream(const arrow::Buffer& compressed)
    : compressed_(compressed), decoder_(ZSTD_createDCtx()) {
  if (decoder_ != nullptr) return;
  throw parquet::ParquetStatusException(arrow::Status::OutOfMemory("no memory for a zstd decoder"));
}

int64_t ZstdStream::Step(uint8_t* out, int64_t capacity) {
  ZSTD_inBuffer from{compressed_.data(), static_cast<size_t>(compressed_.size()), read_};
  ZSTD_outBuffer to{out, static_cast<size_t>(capacity), 0};
  const size_t left = ZSTD_decompressStream(decoder_.get(), &to, &from);
  if (ZSTD_isError(left) != 0) ThrowDamaged(std::string("zstd: ") + ZSTD_getErrorName(left));
  const bool moved = to.pos > 0 || from.pos > read_;
  read_ = from.pos;
  at_end_ = left == 0;
  if (!moved && !at_end_) ThrowDamaged("a page is cut short");
  return static_cast<int64_t>(to.pos);
}

int64_t ZstdStream::Read(uint8_t* out, int64_t capacity) {
  int64_t got = 0;
  while (got < capacity && !(at_end_ && read_ == static_cast<size_t>(compressed_.size()))) {
    got += Step(out + got, capacity - got);
  }
  return got;
}

void ZstdStream::CheckEnd() {
  uint8_t more = 0;
  if (Read(&more, 1) > 0) ThrowDamaged("a page is longer than it says");
}

std::shared_ptr<arrow::Buffer> Decompress(const arrow::Buffer& compressed, int64_t bytes) {
  if (bytes < 0 || bytes > kMost) ThrowDamaged("a page of " + std::to_string(bytes) + " bytes");
  PARQUET_ASSIGN_OR_THROW(std::unique_ptr<arrow::Buffer> result, arrow::AllocateBuffer(bytes));
  ZstdStream stream(compressed);
  const int64_t got = stream.Read(result->mutable_data(), bytes);
  if (got < bytes) {
    ThrowDamaged("a page has " + std::to_string(got) + " bytes instead of " +
                 std::to_string(bytes));
  }
  stream.CheckEnd();
  return result;
}

std::shared_ptr<arrow::Buffer> DecompressAll(const arrow::Buffer& compressed) {
  arrow::BufferBuilder result;
  const auto said =
      ZSTD_getFrameContentSize(compressed.data(), static_cast<size_t>(compressed.size()));
  if (said <= static_cast<uint64_t>(kMost)) {
    PARQUET_THROW_NOT_OK(result.Reserve(static_cast<int64_t>(said) + kReadAtOnce));
  }
  ZstdStream stream(compressed);
  int64_t got = 0;
  do {
    PARQUET_THROW_NOT_OK(result.Reserve(kReadAtOnce));
    got = stream.Read(result.mutable_data() + result.length(), kReadAtOnce);
    result.UnsafeAdvance(got);
    if (result.length() > kMost) ThrowDamaged("a page is longer than any can be");
  } while (got == kReadAtOnce);
  PARQUET_ASSIGN_OR_THROW(auto buffer, result.Finish());
  return buffer;
}

}  // namespace octolake::datafile
