#include "datafile/page_levels.h"

#include <parquet/column_reader.h>
#include <parquet/column_writer.h>
#include <parquet/exception.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "datafile/column_chunk.h"

namespace octolake::datafile {
namespace {

size_t Checked(int32_t rows) {
  if (rows < 0) ThrowDamaged("a page of " + std::to_string(rows) + " rows");
  return static_cast<size_t>(rows);
}

}  // namespace

// Little endian, as the machine is.
void PutLength(uint8_t* out, size_t length) {
  const auto stored = static_cast<uint32_t>(length);
  std::memcpy(out, &stored, sizeof stored);
}

int64_t LengthAt(const uint8_t* bytes) {
  uint32_t length = 0;
  std::memcpy(&length, bytes, sizeof length);
  return length;
}

int64_t RoomForLevels(int64_t rows) {
  return kLengthBytes +
         parquet::LevelEncoder::MaxBufferSize(kLevelEncoding, 1, static_cast<int>(rows));
}

int64_t PutLevels(std::span<const int16_t> levels, uint8_t* page, int64_t end) {
  const auto rows = static_cast<int>(levels.size());
  std::vector<uint8_t> encoded(static_cast<size_t>(RoomForLevels(rows) - kLengthBytes));
  parquet::LevelEncoder encoder;
  encoder.Init(kLevelEncoding, 1, rows, encoded.data(), static_cast<int>(encoded.size()));
  if (encoder.Encode(rows, levels.data()) != rows) {
    throw parquet::ParquetException("levels of a page found no room");
  }
  const int64_t begin = end - kLengthBytes - encoder.len();
  PutLength(page + begin, static_cast<size_t>(encoder.len()));
  std::memcpy(page + begin + kLengthBytes, encoded.data(), static_cast<size_t>(encoder.len()));
  return begin;
}

PageLevels::PageLevels(bool optional, int32_t rows) : optional_(optional), rows_(Checked(rows)) {}

size_t PageLevels::values() const {
  if (!optional_) return rows_;
  return static_cast<size_t>(std::count(levels_.begin(), levels_.end(), 1));
}

int64_t PageLevels::Read(parquet::Encoding::type encoding, const uint8_t* page, int64_t bytes) {
  if (!optional_) return 0;
  if (bytes > std::numeric_limits<int32_t>::max()) ThrowDamaged("a page's levels are too long");
  parquet::LevelDecoder decoder;
  const auto rows = static_cast<int>(rows_);
  const int taken = decoder.SetData(encoding, 1, rows, page, static_cast<int32_t>(bytes));
  levels_.resize(rows_);
  if (decoder.Decode(rows, levels_.data()) != rows) {
    ThrowDamaged("a page has fewer levels than rows");
  }
  return taken;
}

int64_t PageLevels::Room() const {
  return optional_ ? RoomForLevels(static_cast<int64_t>(rows_)) : 0;
}

int64_t PageLevels::Put(size_t first_row, size_t rows, uint8_t* page, int64_t end) const {
  return optional_ ? PutLevels({levels_.data() + first_row, rows}, page, end) : end;
}

}  // namespace octolake::datafile
