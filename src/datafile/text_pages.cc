#include "datafile/text_pages.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/type_traits.h>
#include <parquet/exception.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "datafile/page_levels.h"

namespace octolake::datafile {
namespace {

// A page ends when it has either: what Parquet's writer takes, too.
constexpr int64_t kPageBytes = int64_t{1} << 20;
constexpr int64_t kPageRows = 20'000;
// A page's buffer that a long value has made larger than this goes back when the page has ended.
constexpr int64_t kMostKept = 4 * kPageBytes;
// A buffer is made an n-th larger than it must be.
constexpr size_t kRoomToGrow = 8;
// zstd's fastest levels look back half a page. Over a whole one it finds more, and has less to do.
constexpr int kWindowLog = 20;
constexpr int kFirstLevelWithThatWindow = 2;

void Check(size_t result) {
  if (ZSTD_isError(result) != 0) {
    throw parquet::ParquetException(std::string("zstd: ") + ZSTD_getErrorName(result));
  }
}

}  // namespace

void TextPages::FreeContext::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

TextPages::TextPages(int zstd_level, bool optional, arrow::MemoryPool* pool)
    : zstd_level_(zstd_level), optional_(optional), pool_(pool), values_(pool) {
  if (optional_) begin_ = RoomForLevels(kPageRows);
}

TextPages::~TextPages() = default;

void TextPages::Add(const arrow::Array& texts) {
  if (!arrow::is_binary_like(texts.type_id())) {
    throw parquet::ParquetException("pages of texts are made of utf8 or binary, not of " +
                                    texts.type()->ToString());
  }
  const auto& values = static_cast<const arrow::BinaryArray&>(texts);
  for (int64_t row = 0; row < values.length(); ++row) AddRow(values, row);
}

void TextPages::AddRow(const arrow::BinaryArray& texts, int64_t row) {
  if (values_.length() == 0) {
    PARQUET_THROW_NOT_OK(values_.Reserve(begin_));
    values_.UnsafeAdvance(begin_);
  }
  const bool valid = texts.IsValid(row);
  if (optional_) levels_.push_back(valid ? 1 : 0);
  if (valid) {
    const std::string_view text = texts.GetView(row);
    const auto size = static_cast<int64_t>(text.size());
    PARQUET_THROW_NOT_OK(values_.Reserve(kLengthBytes + size));
    uint8_t* const out = values_.mutable_data() + values_.length();
    PutLength(out, text.size());
    std::memcpy(out + kLengthBytes, text.data(), text.size());
    values_.UnsafeAdvance(kLengthBytes + size);
  }
  ++page_rows_;
  if (page_rows_ == kPageRows || values_.length() - begin_ >= kPageBytes) EndPage();
}

std::shared_ptr<arrow::Buffer> TextPages::Compress(std::string_view page) {
  if (context_ == nullptr) {
    context_.reset(ZSTD_createCCtx());
    if (context_ == nullptr) {
      throw parquet::ParquetStatusException(
          arrow::Status::OutOfMemory("no memory for a zstd encoder"));
    }
    Check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, zstd_level_));
    if (zstd_level_ < kFirstLevelWithThatWindow) {
      Check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog));
    }
  }
  if (const size_t bound = ZSTD_compressBound(page.size()); bound > compressed_size_) {
    // Pages differ a little: the next larger one shall find room as well.
    compressed_size_ = bound + bound / kRoomToGrow;
    compressed_ = std::make_unique_for_overwrite<char[]>(compressed_size_);
  }
  const size_t size =
      ZSTD_compress2(context_.get(), compressed_.get(), compressed_size_, page.data(), page.size());
  Check(size);
  PARQUET_ASSIGN_OR_THROW(auto result, arrow::AllocateBuffer(static_cast<int64_t>(size), pool_));
  std::memcpy(result->mutable_data(), compressed_.get(), size);
  return result;
}

// What the open page takes without its encoding.
parquet::SizeStatistics TextPages::Sizes() const {
  const int64_t valid = optional_ ? std::count(levels_.begin(), levels_.end(), 1) : page_rows_;
  parquet::SizeStatistics sizes;
  sizes.unencoded_byte_array_data_bytes = values_.length() - begin_ - valid * kLengthBytes;
  if (optional_) sizes.definition_level_histogram = {page_rows_ - valid, valid};
  return sizes;
}

void TextPages::EndPage() {
  const int64_t start = optional_ ? PutLevels(levels_, values_.mutable_data(), begin_) : begin_;
  const int64_t size = values_.length() - start;
  auto page =
      Compress({reinterpret_cast<const char*>(values_.data()) + start, static_cast<size_t>(size)});
  done_.bytes += page->size();
  done_.rows += page_rows_;
  done_.pages.push_back(std::make_shared<parquet::DataPageV1>(
      std::move(page), static_cast<int32_t>(page_rows_), parquet::Encoding::PLAIN, kLevelEncoding,
      kLevelEncoding, size, parquet::EncodedStatistics(), std::nullopt, Sizes()));
  page_rows_ = 0;
  levels_.clear();
  if (values_.capacity() > kMostKept) {
    values_.Reset();
    compressed_.reset();
    compressed_size_ = 0;
  } else {
    values_.Rewind(0);
  }
}

ColumnPages TextPages::Finish() {
  if (page_rows_ > 0) EndPage();
  return std::move(done_);
}

}  // namespace octolake::datafile
