// The pages of a column of long texts: PLAIN, compressed with zstd, without bounds. Parquet's
// own writer makes the same, but takes new memory for every page, copies each twice more, and has
// zstd look back over half a page only. Throws what Parquet throws. Internal to datafile/.
#pragma once

#include <arrow/buffer_builder.h>
#include <parquet/size_statistics.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "datafile/parquet_output.h"

struct ZSTD_CCtx_s;  // of zstd.h

namespace arrow {
class Array;
class BinaryArray;
class MemoryPool;
}  // namespace arrow

namespace octolake::datafile {

// Of one row group. Used by one thread.
class TextPages {
 public:
  // An optional column has definition levels of 0 and 1.
  TextPages(int zstd_level, bool optional, arrow::MemoryPool* pool);
  ~TextPages();

  // Of type utf8 or binary, of any length. A value is never divided, so that a page may be longer
  // than it should be by one value.
  void Add(const arrow::Array& texts);

  // Of the pages that are done, compressed, and of the open one, not compressed.
  int64_t bytes() const { return done_.bytes + values_.length(); }
  // All pages; nothing may follow.
  ColumnPages Finish();

 private:
  struct FreeContext {
    void operator()(ZSTD_CCtx_s* context) const;
  };

  void AddRow(const arrow::BinaryArray& texts, int64_t row);
  parquet::SizeStatistics Sizes() const;
  void EndPage();
  std::shared_ptr<arrow::Buffer> Compress(std::string_view page);

  const int zstd_level_;
  const bool optional_;
  arrow::MemoryPool* const pool_;
  ColumnPages done_;
  // Of the open page, and behind room for its levels.
  arrow::BufferBuilder values_;
  int64_t begin_ = 0;            // of the page in values_
  std::vector<int16_t> levels_;  // of an optional column
  int64_t page_rows_ = 0;
  std::unique_ptr<ZSTD_CCtx_s, FreeContext> context_;
  std::unique_ptr<char[]> compressed_;  // the page that was compressed last
  size_t compressed_size_ = 0;
};

}  // namespace octolake::datafile
