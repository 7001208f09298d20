// Lengths and definition levels as data pages of version 1 have them. Throws what Parquet throws.
// Internal to datafile/.
#pragma once

#include <parquet/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace octolake::datafile {

inline constexpr auto kLevelEncoding = parquet::Encoding::RLE;
// Before a PLAIN text, and before the levels of a page, stands its length in so many bytes.
inline constexpr int64_t kLengthBytes = sizeof(uint32_t);

void PutLength(uint8_t* out, size_t length);
int64_t LengthAt(const uint8_t* bytes);

// What the levels of so many rows take at most, with their length.
int64_t RoomForLevels(int64_t rows);
// Puts levels (1 a value, 0 a NULL) with their length into `page`, in front of byte `end`, before
// which there is room for them; says where they begin.
int64_t PutLevels(std::span<const int16_t> levels, uint8_t* page, int64_t end);

// Those of a page's rows. A required column has none.
class PageLevels {
 public:
  PageLevels(bool optional, int32_t rows);

  size_t rows() const { return rows_; }
  size_t values() const;  // rows that are not NULL
  bool IsNull(size_t row) const { return optional_ && levels_[row] == 0; }

  // Reads them at the beginning of a page; says how many of its bytes they take.
  int64_t Read(parquet::Encoding::type encoding, const uint8_t* page, int64_t bytes);
  // As RoomForLevels and PutLevels, for a page of some of the rows.
  int64_t Room() const;
  int64_t Put(size_t first_row, size_t rows, uint8_t* page, int64_t end) const;

 private:
  const bool optional_;
  const size_t rows_;
  std::vector<int16_t> levels_;
};

}  // namespace octolake::datafile
