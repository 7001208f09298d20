// Reads Parquet data files as record batches of a table's schema, by field id.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/type.h"
#include "io/file_system.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace octolake::datafile {

struct ReadFileOptions {
  int64_t batch_rows = 8192;
};

// Used by one thread.
class BatchReader {
 public:
  virtual ~BatchReader() = default;
  virtual std::shared_ptr<arrow::Schema> schema() const = 0;
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;  // null at the end
};

// `projection` names the columns wanted, with ids of the table's current schema: a column the file
// lacks is NULL, a narrower one (int for long, float for double) is widened. kCorruption, naming
// the file, if it is no Parquet file, has no field ids, or has another number of rows than
// `file.record_count` says. One row group is in memory at a time.
Result<std::unique_ptr<BatchReader>> OpenDataFile(io::FileSystem& fs, const iceberg::DataFile& file,
                                                  const iceberg::Schema& projection,
                                                  const ReadFileOptions& options = {});

}  // namespace octolake::datafile
