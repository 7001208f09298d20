#include "datafile/row_buffer.h"

#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include <utility>

#include "datafile/arrow_status.h"

namespace octolake::datafile {
namespace {

// About what an array of one row takes beside its value: objects, and buffers rounded to 64 bytes.
constexpr int64_t kOverheadPerColumn = 512;
constexpr size_t kMaxLooseBatches = 64;
// Only batches of fewer rows are merged.
constexpr int64_t kLooseRows = 1024;
constexpr int64_t kWorthCopying = int64_t{1} << 20;

Result<int64_t> MemoryOf(const arrow::RecordBatch& batch) {
  OCTO_ASSIGN(int64_t bytes,
              ToResult(arrow::util::ReferencedBufferSize(batch), "memory of a record batch"));
  return bytes + batch.num_columns() * kOverheadPerColumn;
}

}  // namespace

Status RowBuffer::Add(std::shared_ptr<arrow::RecordBatch> batch) {
  OCTO_ASSIGN(int64_t bytes, MemoryOf(*batch));
  if (arrow::util::TotalBufferSize(*batch) > 2 * bytes + kWorthCopying) {
    // Concatenating one batch would hand it back as it is: an empty one makes Arrow copy.
    OCTO_ASSIGN(batch, ToResult(arrow::ConcatenateRecordBatches({batch, batch->Slice(0, 0)}),
                                "copy of a record batch"));
  }
  rows_ += batch->num_rows();
  bytes_ += bytes;
  const bool loose = batch->num_rows() < kLooseRows;
  batches_.push_back(std::move(batch));
  if (!loose) {
    first_loose_ = batches_.size();
    return {};
  }
  if (batches_.size() - first_loose_ < kMaxLooseBatches) return {};

  const auto begin = batches_.begin() + static_cast<std::ptrdiff_t>(first_loose_);
  arrow::RecordBatchVector many(begin, batches_.end());
  OCTO_ASSIGN(auto merged,
              ToResult(arrow::ConcatenateRecordBatches(many), "merge of record batches"));
  OCTO_ASSIGN(int64_t merged_bytes, MemoryOf(*merged));
  for (const auto& one : many) {
    OCTO_ASSIGN(int64_t one_bytes, MemoryOf(*one));
    bytes_ -= one_bytes;
  }
  bytes_ += merged_bytes;
  batches_.erase(begin, batches_.end());
  batches_.push_back(std::move(merged));
  first_loose_ = batches_.size();
  return {};
}

std::vector<std::shared_ptr<arrow::RecordBatch>> RowBuffer::Release() {
  rows_ = 0;
  bytes_ = 0;
  first_loose_ = 0;
  return std::exchange(batches_, {});
}

}  // namespace octolake::datafile
