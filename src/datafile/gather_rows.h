// Rows of several batches, in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace octolake::datafile {

struct RowPlace {
  uint32_t batch = 0;
  uint32_t row = 0;  // in it
};

// Used by one thread.
class RowGatherer {
 public:
  // At least one batch; they have the same schema.
  explicit RowGatherer(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches);
  ~RowGatherer();
  RowGatherer(RowGatherer&&) noexcept;

  // Copies of the rows at these places, which must be there, in the order given. Each value is
  // copied once; texts may have 2^31 - 1 bytes together.
  Result<std::shared_ptr<arrow::RecordBatch>> Gather(std::span<const RowPlace> places) const;

 private:
  class Column;

  std::shared_ptr<arrow::Schema> schema_;
  std::vector<Column> columns_;
};

// The same of batches that are gathered from only once.
Result<std::shared_ptr<arrow::RecordBatch>> GatherRows(
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
    std::span<const RowPlace> places);

}  // namespace octolake::datafile
