// Which rows of a data file position delete files name ("Position Delete Files" in the
// specification).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "io/file_system.h"

namespace octolake::datafile {

// A set of rows, numbered from 0. Takes 8 KiB for each 65,536 rows among which there is one.
class RowSet {
 public:
  void Add(int64_t row);
  bool Contains(int64_t row) const;
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  static constexpr int64_t kChunkRows = 65'536;
  using Chunk = std::array<uint64_t, kChunkRows / 64>;

  std::map<int64_t, std::unique_ptr<Chunk>> chunks_;
  int64_t size_ = 0;
};

// The rows of `file` (its path and record_count count) that the delete files name. Of those only
// row groups are read that can name the file, a batch at a time. kUnsupported for a delete file
// that is no Parquet file; kCorruption, naming it, for one that is damaged, lacks the two columns,
// or names a row that the data file does not have.
Result<RowSet> ReadPositionDeletes(io::FileSystem& fs, const iceberg::DataFile& file,
                                   const std::vector<iceberg::DataFile>& deletes);

}  // namespace octolake::datafile
