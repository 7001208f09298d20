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
}

namespace octolake::datafile {

struct RowPlace {
  uint32_t batch = 0;
  uint32_t row = 0;  // in it
};

// Copies of the rows at these places, which must be there, in the order given. The batches, at
// least one, have the same schema. Each value is copied once; texts may have 2^31 - 1 bytes
// together.
Result<std::shared_ptr<arrow::RecordBatch>> GatherRows(
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
    std::span<const RowPlace> places);

}  // namespace octolake::datafile
