// Numbers in results.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::sql {

// A cell of a batch's first row as an integer; kCorruption, naming `what` asked for it, if it is no
// integer or NULL, or there is no row (a null batch).
Result<int64_t> IntegerOf(const arrow::RecordBatch* batch, int column, const std::string& what);

}  // namespace octolake::sql
