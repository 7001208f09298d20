// Writes record batches as Parquet data files of a table: zstd, field ids, fan-out over the
// partitions of the default spec, rolling at a target size.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::datafile {

struct WriterOptions {
  int64_t target_file_bytes = int64_t{128} << 20;
  // Open files at once; beyond it the one written least recently is closed (and a later row of its
  // partition begins another file).
  int max_open_files = 32;
  // Memory of rows not yet in a file, over all open files: as they came, or encoded where a row
  // group is under way. Beyond it the largest is flushed.
  int64_t max_buffered_bytes = int64_t{128} << 20;
  // A row group ends at either; bytes are counted before encoding.
  int64_t row_group_rows = 122'880;
  int64_t row_group_bytes = int64_t{128} << 20;
  int zstd_level = 1;
  int threads = 1;  // that encode, with the one that writes
};

// Used by one thread. Files it wrote are removed by the destructor unless Finish succeeded.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  // Columns by name, in any order; those the batch lacks are NULL, unknown ones are refused. Types
  // may differ where a value-preserving cast exists. kInvalidArgument for a NULL in a required
  // column.
  virtual Status Write(const arrow::RecordBatch& batch) = 0;
  // Closes the files durably. Each has counts, sizes, null and NaN counts, bounds (strings cut to
  // 16 characters; none where a table property write.metadata.metrics.column.<name> is "counts"
  // or "none"), split offsets and partition values.
  virtual Result<std::vector<iceberg::DataFile>> Finish() = 0;
  virtual int64_t rows() const = 0;           // written so far
  virtual int64_t bytes_written() const = 0;  // encoded and flushed so far
};

// Files go to <table location>/data (or where the property write.data.path says), there to
// <partition path>/<uuid>-<n>.parquet. The file system and the
// random source must outlive the writer; the metadata is copied.
Result<std::unique_ptr<TableWriter>> MakeTableWriter(io::FileSystem& fs, RandomSource& random,
                                                     const iceberg::TableMetadata& metadata,
                                                     const WriterOptions& options);

// Removes data files that no commit will name, as well as it can (after a failed commit whose
// outcome is known).
void RemoveFiles(io::FileSystem& fs, const std::vector<iceberg::DataFile>& files);

}  // namespace octolake::datafile
