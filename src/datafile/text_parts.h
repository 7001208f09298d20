// Long pages of texts, given out as several short ones, so that neither they nor their dictionaries
// are in memory while other rows are read. Some writers look at the size of a page, or of a
// dictionary, only once in thousands of rows: PyIceberg's of payloads have 20,000, which are 40 MB.
// Throws what Parquet throws. Internal to datafile/.
#pragma once

#include <parquet/column_page.h>
#include <parquet/schema.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "datafile/page_levels.h"
#include "datafile/zstd_stream.h"

namespace arrow {
class Buffer;
class ResizableBuffer;
}  // namespace arrow

namespace octolake::datafile {

// Longer pages and dictionaries are not given out as they are.
inline constexpr int64_t kMostOfAWholePage = int64_t{4} << 20;

// Whether the values of a column are texts or bytes, and not nested.
bool HasDivisiblePages(const parquet::ColumnDescriptor& column);
// Of a data page of such a column: whether it is one for DividedPage.
bool IsLongPage(const parquet::DataPageV1& page);
// Whether a data page needs its column's dictionary.
bool NeedsDictionary(const parquet::DataPageV1& page);

// Used by one thread.
class TextParts {
 public:
  virtual ~TextParts() = default;
  // The next rows, PLAIN: 1 MiB of them, or one that is longer. Null at the end. What it refers to
  // is good until the next call.
  virtual std::shared_ptr<parquet::DataPageV1> Next() = 0;
};

// A PLAIN page, which is decompressed a part at a time.
class DividedPage final : public TextParts {
 public:
  // The page as it is in the file: its buffer is compressed with zstd. An optional column has
  // definition levels of 0 and 1.
  DividedPage(std::shared_ptr<parquet::DataPageV1> page, bool optional);
  std::shared_ptr<parquet::DataPageV1> Next() override;

 private:
  void ReadLevels();
  bool HasBytes(int64_t at, int64_t count) const { return at + count <= end_; }
  void Fill(int64_t bytes);
  void Require(int64_t bytes);
  int64_t TakeValues();

  const std::shared_ptr<parquet::DataPageV1> page_;
  PageLevels levels_;
  const int64_t first_byte_;  // of the values in the buffer, behind room for levels
  ZstdStream stream_;
  int64_t left_;    // bytes that were not read from the stream
  size_t row_ = 0;  // the first that was not given out
  std::shared_ptr<arrow::ResizableBuffer> buffer_;
  int64_t at_;   // in the buffer: the first byte that was not given out
  int64_t end_;  // and where those that were read end
};

// The values of a dictionary page.
class TextDictionary {
 public:
  // Of `values` texts, PLAIN, decompressed.
  TextDictionary(std::shared_ptr<arrow::Buffer> texts, int32_t values);

  int64_t values() const { return std::ssize(places_) - 1; }
  // With its length before it.
  const uint8_t* At(int64_t value) const;
  int64_t BytesAt(int64_t value) const {
    return places_[static_cast<size_t>(value) + 1] - places_[static_cast<size_t>(value)];
  }

 private:
  const std::shared_ptr<arrow::Buffer> texts_;
  std::vector<int64_t> places_;  // where each begins, and the last one ends
};

// A page of places in a dictionary, as the texts that they stand for.
class SpelledPage final : public TextParts {
 public:
  // The page is decompressed. The dictionary must outlive this.
  SpelledPage(const parquet::DataPageV1& page, const TextDictionary& dictionary, bool optional);
  std::shared_ptr<parquet::DataPageV1> Next() override;

 private:
  const TextDictionary& dictionary_;
  PageLevels levels_;
  const int64_t first_byte_;  // as above
  std::vector<int32_t> places_;
  size_t row_ = 0;    // the first that was not given out
  size_t place_ = 0;  // its place
  std::shared_ptr<arrow::ResizableBuffer> buffer_;
};

}  // namespace octolake::datafile
