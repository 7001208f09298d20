// Rows of one partition that wait to become a row group.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::datafile {

// What a batch refers to of its buffers, and what Arrow spends on it.
Result<int64_t> RowMemory(const arrow::RecordBatch& batch);

class RowBuffer {
 public:
  // A batch that is a small part of larger buffers is copied, so that it does not keep them.
  Status Add(std::shared_ptr<arrow::RecordBatch> batch);
  int64_t rows() const { return rows_; }
  // Memory of the rows, what Arrow spends on small batches included.
  int64_t bytes() const { return bytes_; }
  // All rows in the order they came; leaves the buffer empty.
  std::vector<std::shared_ptr<arrow::RecordBatch>> Release();

 private:
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  // The batches from here on are merged into one when they are many.
  size_t first_loose_ = 0;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace octolake::datafile
