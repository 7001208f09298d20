// Reads Parquet data files as record batches of a table's schema, by field id, without the rows
// that were deleted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/scan.h"
#include "iceberg/type.h"
#include "io/file_system.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow
namespace parquet::arrow {
class FileReader;
}

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

// The rows of a task: those of its file that no position delete file of the task names.
// `projection` names the columns wanted, with ids of the table's current schema: a column the file
// lacks is NULL, a narrower one (int for long, float for double) is widened. kCorruption, naming
// the file, if it is no Parquet file, has no field ids, or has another number of rows than
// `record_count` says; for delete files see position_deletes.h. One row group is in memory at a
// time, and a bit for each row of a file from which rows are deleted.
Result<std::unique_ptr<BatchReader>> OpenScanTask(io::FileSystem& fs, const iceberg::ScanTask& task,
                                                  const iceberg::Schema& projection,
                                                  const ReadFileOptions& options = {});

// All rows of a file that is open already (parquet_input.h), at its first row group.
Result<std::unique_ptr<BatchReader>> ReadOpened(std::unique_ptr<parquet::arrow::FileReader> opened,
                                                const std::string& location,
                                                const iceberg::Schema& projection);

// All rows of a file, deleted or not.
Result<std::unique_ptr<BatchReader>> OpenDataFile(io::FileSystem& fs, const iceberg::DataFile& file,
                                                  const iceberg::Schema& projection,
                                                  const ReadFileOptions& options = {});

}  // namespace octolake::datafile
