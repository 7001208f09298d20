#include "sql/integer_cell.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "datafile/column_cast.h"

namespace octolake::sql {

Result<int64_t> IntegerOf(const arrow::RecordBatch* batch, int column, const std::string& what) {
  if (batch == nullptr || batch->num_columns() <= column || batch->num_rows() == 0) {
    return MakeError(ErrorKind::kCorruption, "a number was asked for, no row came: " + what);
  }
  auto cell = datafile::CastColumn(batch->column(column)->Slice(0, 1), arrow::int64());
  if (!cell || (*cell)->IsNull(0)) {
    return MakeError(ErrorKind::kCorruption,
                     "an integer was asked for, " +
                         (cell ? std::string("NULL") : batch->column(column)->type()->ToString()) +
                         " came: " + what);
  }
  return static_cast<const arrow::Int64Array&>(**cell).Value(0);
}

}  // namespace octolake::sql
