// Reads Parquet data files as record batches of a table's schema, by field id, without the rows
// that were deleted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/scan.h"
#include "iceberg/type.h"
#include "io/file_system.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace octolake::datafile {

struct ParquetInput;

struct ReadFileOptions {
  int64_t batch_rows = 8192;
  // Fewer rows where a batch of so many would have more bytes than this, as they are encoded and by
  // the file's average; 0: no limit.
  int64_t batch_bytes = 0;
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

// How many of the tasks, of which there is one, are best read by one OpenScanTasks: some small
// files, up to a MiB of them, or one other.
size_t TasksToJoin(std::span<const iceberg::ScanTask> tasks);

// The rows of several tasks, one after the other. As OpenScanTask, but for small files of
// octolake's without deleted rows: those that follow each other and have one schema are decoded as
// if they were one, which saves most of what each of them costs beside its values. Their batches
// have rows of several files, up to 4 MiB of them. The tasks must outlive the reader.
Result<std::unique_ptr<BatchReader>> OpenScanTasks(io::FileSystem& fs,
                                                   std::span<const iceberg::ScanTask> tasks,
                                                   const iceberg::Schema& projection,
                                                   const ReadFileOptions& options = {});

// All rows of a file that is open already (parquet_input.h), at its first row group.
Result<std::unique_ptr<BatchReader>> ReadOpened(ParquetInput opened,
                                                const iceberg::Schema& projection);

// All rows of a file, deleted or not.
Result<std::unique_ptr<BatchReader>> OpenDataFile(io::FileSystem& fs, const iceberg::DataFile& file,
                                                  const iceberg::Schema& projection,
                                                  const ReadFileOptions& options = {});

}  // namespace octolake::datafile
