#include "datafile/row_buffer.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type_traits.h>
#include <arrow/util/byte_size.h>

#include <utility>

#include "datafile/arrow_status.h"

namespace octolake::datafile {
namespace {

// About what an array of one row takes beside its value: objects, and buffers rounded to 64 bytes.
constexpr int64_t kOverheadPerColumn = 512;
constexpr size_t kMaxLooseBatches = 64;
// Only batches of which a larger part is not values are merged: a copy of the others would cost
// more than it saves.
constexpr int64_t kMostOverheadPercent = 20;
constexpr int64_t kWorthCopying = int64_t{1} << 20;

// What an array refers to of its buffers. Arrow's own count takes a few percent of a load: it looks
// for buffers that columns share.
Result<int64_t> MemoryOf(const arrow::Array& array) {
  const int64_t bitmap = array.null_bitmap() == nullptr ? 0 : (array.length() + 7) / 8;
  if (const auto* texts = dynamic_cast<const arrow::BinaryArray*>(&array)) {
    const auto offsets = (array.length() + 1) * static_cast<int64_t>(sizeof(int32_t));
    return bitmap + offsets + texts->total_values_length();
  }
  if (arrow::is_fixed_width(array.type_id()) && array.type_id() != arrow::Type::DICTIONARY) {
    return bitmap + (array.length() * array.type()->bit_width() + 7) / 8;
  }
  return ToResult(arrow::util::ReferencedBufferSize(array), "memory of a column");
}

int64_t OverheadOf(const arrow::RecordBatch& batch) {
  return batch.num_columns() * kOverheadPerColumn;
}

}  // namespace

Result<int64_t> RowMemory(const arrow::RecordBatch& batch) {
  int64_t bytes = OverheadOf(batch);
  for (int column = 0; column < batch.num_columns(); ++column) {
    OCTO_ASSIGN(const int64_t more, MemoryOf(*batch.column(column)));
    bytes += more;
  }
  return bytes;
}

Status RowBuffer::Add(std::shared_ptr<arrow::RecordBatch> batch) {
  OCTO_ASSIGN(int64_t bytes, RowMemory(*batch));
  if (arrow::util::TotalBufferSize(*batch) > 2 * bytes + kWorthCopying) {
    // Concatenating one batch would hand it back as it is: an empty one makes Arrow copy.
    OCTO_ASSIGN(batch, ToResult(arrow::ConcatenateRecordBatches({batch, batch->Slice(0, 0)}),
                                "copy of a record batch"));
  }
  rows_ += batch->num_rows();
  bytes_ += bytes;
  const bool loose = OverheadOf(*batch) * 100 > bytes * kMostOverheadPercent;
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
  OCTO_ASSIGN(int64_t merged_bytes, RowMemory(*merged));
  for (const auto& one : many) {
    OCTO_ASSIGN(int64_t one_bytes, RowMemory(*one));
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
