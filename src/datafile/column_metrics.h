// Column metrics of a data file (specification, "Manifests": data_file fields 108 to 137), from
// what was counted while writing and the statistics in the finished file's footer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "iceberg/type.h"

namespace arrow {
class Array;
}
namespace parquet {
class FileMetaData;
}

namespace octolake::datafile {

// Which metrics of a column are kept: the value of write.metadata.metrics.column.<name>, else of
// write.metadata.metrics.default, else truncate(16).
struct MetricsMode {
  bool counts = true;
  bool bounds = true;
  int32_t length = 16;  // to which bounds of texts and bytes are cut; 0: not cut

  friend bool operator==(const MetricsMode&, const MetricsMode&) = default;
};

// kInvalidArgument, naming the property, for a value that is not none, counts, truncate(n) or full.
Result<MetricsMode> MetricsModeOf(const iceberg::Properties& properties, const std::string& column);

// NULLs and NaNs of one row group, by column.
struct RowGroupCounts {
  std::vector<int64_t> nulls;
  std::vector<int64_t> nans;

  explicit RowGroupCounts(size_t columns) : nulls(columns), nans(columns) {}
  void Add(size_t column, const arrow::Array& array);
};

// Fills sizes, counts, bounds and split offsets of `file`. The file's columns are the schema's in
// order; `modes` has one entry a column, `counts` one a row group. A bound is left out where the
// footer does not give it exactly.
Status FillMetrics(const parquet::FileMetaData& footer, const iceberg::Schema& schema,
                   const std::vector<MetricsMode>& modes, const std::vector<RowGroupCounts>& counts,
                   iceberg::DataFile& file);

}  // namespace octolake::datafile
