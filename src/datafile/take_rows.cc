#include "datafile/take_rows.h"

#include <arrow/array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/initialize.h>
#include <arrow/record_batch.h>

#include <utility>

#include "datafile/arrow_status.h"

namespace octolake::datafile {

Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(const arrow::RecordBatch& batch,
                                                     const std::vector<int64_t>& rows) {
  static const arrow::Status kernels = arrow::compute::Initialize();
  OCTO_TRY(ToStatus(kernels, "Arrow's compute kernels"));
  arrow::Int64Array indices(static_cast<int64_t>(rows.size()), arrow::Buffer::Wrap(rows));
  arrow::ArrayVector columns;
  for (const auto& column : batch.columns()) {
    OCTO_ASSIGN(auto taken,
                ToResult(arrow::compute::Take(*column, indices,
                                              arrow::compute::TakeOptions::NoBoundsCheck()),
                         "copy of some rows"));
    columns.push_back(std::move(taken));
  }
  return arrow::RecordBatch::Make(batch.schema(), indices.length(), std::move(columns));
}

}  // namespace octolake::datafile
