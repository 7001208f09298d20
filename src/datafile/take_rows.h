// Some rows of a batch, in any order.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::datafile {

// Copies of the rows with these numbers, which must be there, in the order given.
Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(const arrow::RecordBatch& batch,
                                                     const std::vector<int64_t>& rows);

}  // namespace octolake::datafile
