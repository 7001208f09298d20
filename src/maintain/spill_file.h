// Rows on disk, for a while. Internal to maintain/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace arrow {
class RecordBatch;
class RecordBatchReader;
class Schema;
namespace io {
class FileOutputStream;
}
namespace ipc {
class RecordBatchWriter;
}
}  // namespace arrow

namespace octolake::maintain {

// Written, then read, in the same process; not durable, removed with the object. An Arrow stream,
// compressed. Used by one thread.
class SpillFile {
 public:
  // Makes the file, which must not exist; its directory must.
  static Result<std::unique_ptr<SpillFile>> Create(std::string path,
                                                   const std::shared_ptr<arrow::Schema>& schema);
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  Status Append(const arrow::RecordBatch& batch);
  int64_t rows() const { return rows_; }
  // Closes it; nothing can be appended any more.
  Status EndWriting();
  // What was appended, in order; null at the end. Ends the writing.
  Result<std::shared_ptr<arrow::RecordBatch>> Next();

 private:
  explicit SpillFile(std::string path) : path_(std::move(path)) {}
  Status StartReading();

  const std::string path_;
  std::shared_ptr<arrow::io::FileOutputStream> out_;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
  std::shared_ptr<arrow::RecordBatchReader> reader_;
  int64_t rows_ = 0;
};

}  // namespace octolake::maintain
