#include "datafile/text_parts.h"

#include <arrow/buffer.h>
#include <parquet/encoding.h>
#include <parquet/exception.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "datafile/column_chunk.h"

namespace octolake::datafile {
namespace {

constexpr int64_t kPartBytes = int64_t{1} << 20;
// The levels of a page are kept as a whole.
constexpr int32_t kMostRows = 1 << 22;

std::shared_ptr<parquet::DataPageV1> MakePart(const std::shared_ptr<arrow::ResizableBuffer>& buffer,
                                              int64_t begin, int64_t end, size_t rows) {
  return std::make_shared<parquet::DataPageV1>(arrow::SliceBuffer(buffer, begin, end - begin),
                                               static_cast<int32_t>(rows), parquet::Encoding::PLAIN,
                                               kLevelEncoding, kLevelEncoding, end - begin);
}

void Grow(arrow::ResizableBuffer& buffer, int64_t bytes) {
  if (buffer.size() < bytes) PARQUET_THROW_NOT_OK(buffer.Resize(bytes, false));
}

}  // namespace

bool HasDivisiblePages(const parquet::ColumnDescriptor& column) {
  return column.physical_type() == parquet::Type::BYTE_ARRAY &&
         column.max_repetition_level() == 0 && column.max_definition_level() <= 1;
}

bool IsLongPage(const parquet::DataPageV1& page) {
  return page.encoding() == parquet::Encoding::PLAIN &&
         page.definition_level_encoding() == kLevelEncoding && page.num_values() <= kMostRows &&
         page.uncompressed_size() > kMostOfAWholePage;
}

bool NeedsDictionary(const parquet::DataPageV1& page) {
  return page.encoding() == parquet::Encoding::RLE_DICTIONARY ||
         page.encoding() == parquet::Encoding::PLAIN_DICTIONARY;
}

DividedPage::DividedPage(std::shared_ptr<parquet::DataPageV1> page, bool optional)
    : page_(std::move(page)),
      levels_(optional, page_->num_values()),
      first_byte_(levels_.Room()),
      stream_(*page_->buffer()),
      left_(page_->uncompressed_size()),
      at_(first_byte_),
      end_(first_byte_) {
  PARQUET_ASSIGN_OR_THROW(buffer_, arrow::AllocateResizableBuffer(first_byte_ + kPartBytes));
  if (optional) ReadLevels();
}

// Reads on until so many bytes are there behind the room for levels, or the page has ended.
void DividedPage::Fill(int64_t bytes) {
  const int64_t more = std::min(bytes - (end_ - first_byte_), left_);
  if (more <= 0) return;
  Grow(*buffer_, end_ + more);
  if (stream_.Read(buffer_->mutable_data() + end_, more) < more) {
    ThrowDamaged("a page is shorter than it says");
  }
  end_ += more;
  left_ -= more;
}

// Looks first: a length that is wrong must not have all of the page decompressed.
void DividedPage::Require(int64_t bytes) {
  if (bytes > end_ - first_byte_ + left_) ThrowDamaged("a page ends within a value");
  Fill(bytes);
}

void DividedPage::ReadLevels() {
  Require(kLengthBytes);
  const int64_t bytes = kLengthBytes + LengthAt(buffer_->data() + at_);
  Require(bytes);
  at_ += levels_.Read(kLevelEncoding, buffer_->data() + at_, bytes);
}

// Moves on by as many rows as are there as a whole, but at least one; says where their values end.
int64_t DividedPage::TakeValues() {
  int64_t at = first_byte_;
  for (; row_ < levels_.rows(); ++row_) {
    if (levels_.IsNull(row_)) continue;
    const bool is_first = at == first_byte_;
    if (is_first) Require(kLengthBytes);
    if (!HasBytes(at, kLengthBytes)) break;
    const int64_t bytes = kLengthBytes + LengthAt(buffer_->data() + at);
    if (is_first) Require(bytes);
    if (!HasBytes(at, bytes)) break;
    at += bytes;
  }
  return at;
}

std::shared_ptr<parquet::DataPageV1> DividedPage::Next() {
  if (row_ == levels_.rows()) {
    if (left_ > 0 || at_ < end_) ThrowDamaged("a page is longer than its values");
    stream_.CheckEnd();
    return nullptr;
  }
  std::memmove(buffer_->mutable_data() + first_byte_, buffer_->data() + at_,
               static_cast<size_t>(end_ - at_));
  end_ -= at_ - first_byte_;
  Fill(kPartBytes);
  const size_t first_row = row_;
  at_ = TakeValues();
  const size_t rows = row_ - first_row;
  return MakePart(buffer_, levels_.Put(first_row, rows, buffer_->mutable_data(), first_byte_), at_,
                  rows);
}

TextDictionary::TextDictionary(std::shared_ptr<arrow::Buffer> texts, int32_t values)
    : texts_(std::move(texts)) {
  int64_t at = 0;
  places_.push_back(at);
  for (int32_t value = 0; value < values; ++value) {
    const int64_t left = texts_->size() - at;
    const int64_t bytes = left < kLengthBytes ? 0 : kLengthBytes + LengthAt(texts_->data() + at);
    if (bytes == 0 || bytes > left) ThrowDamaged("a dictionary ends within a value");
    at += bytes;
    places_.push_back(at);
  }
}

const uint8_t* TextDictionary::At(int64_t value) const {
  return texts_->data() + places_[static_cast<size_t>(value)];
}

SpelledPage::SpelledPage(const parquet::DataPageV1& page, const TextDictionary& dictionary,
                         bool optional)
    : dictionary_(dictionary), levels_(optional, page.num_values()), first_byte_(levels_.Room()) {
  const int64_t begin = levels_.Read(page.definition_level_encoding(), page.data(), page.size());
  // Of places only, whatever they are places of.
  const auto decoder = parquet::MakeDictDecoder<parquet::Int32Type>();
  const auto values = static_cast<int>(levels_.values());
  places_.resize(static_cast<size_t>(values));
  if (values > 0) {
    decoder->SetData(values, page.data() + begin, static_cast<int>(page.size() - begin));
    if (decoder->DecodeIndices(values, places_.data()) != values) {
      ThrowDamaged("a page has fewer values than rows");
    }
  }
  const auto is_there = [&](int32_t place) { return place >= 0 && place < dictionary_.values(); };
  if (!std::all_of(places_.begin(), places_.end(), is_there)) {
    ThrowDamaged("a page has a place that its dictionary has not");
  }
  PARQUET_ASSIGN_OR_THROW(buffer_, arrow::AllocateResizableBuffer(first_byte_ + kPartBytes));
}

std::shared_ptr<parquet::DataPageV1> SpelledPage::Next() {
  if (row_ == levels_.rows()) return nullptr;
  const size_t first_row = row_;
  int64_t at = first_byte_;
  for (; row_ < levels_.rows() && at - first_byte_ < kPartBytes; ++row_) {
    if (levels_.IsNull(row_)) continue;
    const int32_t place = places_[place_++];
    const int64_t bytes = dictionary_.BytesAt(place);
    Grow(*buffer_, at + bytes);
    std::memcpy(buffer_->mutable_data() + at, dictionary_.At(place), static_cast<size_t>(bytes));
    at += bytes;
  }
  const size_t rows = row_ - first_row;
  return MakePart(buffer_, levels_.Put(first_row, rows, buffer_->mutable_data(), first_byte_), at,
                  rows);
}

}  // namespace octolake::datafile
