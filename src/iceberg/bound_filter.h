// A filter bound to a table's columns, and what can be told of it from partition values, summaries
// and column bounds. Every answer is on the safe side: false means that no row can match.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/literal.h"
#include "iceberg/scan.h"
#include "iceberg/table_metadata.h"

namespace octolake::iceberg {

// The values of something: all lie between the bounds, or are NULL or NaN where that is said.
struct ValueRange {
  bool may_be_null = true;
  bool may_be_nan = true;
  bool may_have_value = true;  // neither NULL nor NaN
  std::optional<Literal> lower;
  std::optional<Literal> upper;
  // Some writers cut a long upper bound, also within a character, and do not round it up: values
  // may begin with it.
  bool upper_may_be_cut = false;
};

class BoundFilter {
 public:
  // kInvalidArgument for an unknown column, a nested one (but for NULL tests), or values that are
  // not of the column's type. `metadata` must outlive the filter.
  static Result<BoundFilter> Bind(const TableMetadata& metadata, const Filter& filter);

  // By the partition summaries of a manifest list.
  Result<bool> ManifestMayMatch(const ManifestFile& manifest) const;
  // By partition values and column metrics.
  Result<bool> FileMayMatch(const DataFile& file) const;

 private:
  struct BoundPredicate {
    Predicate predicate;
    const Field* column = nullptr;
  };
  explicit BoundFilter(const TableMetadata& metadata) : metadata_(&metadata) {}
  static bool PartitionMayMatch(const BoundPredicate& bound, const PartitionField& field,
                                const ValueRange& range);
  Result<ValueRange> ColumnRange(const Field& column, const DataFile& file) const;

  const TableMetadata* metadata_;
  std::vector<BoundPredicate> predicates_;
};

// Whether a column with these values can make the predicate true.
bool RangeMayMatch(const Predicate& predicate, const ValueRange& range);

}  // namespace octolake::iceberg
