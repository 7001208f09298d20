// What a manifest list says of the partition values in a manifest.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

// Collects the partition values of a manifest's entries, deleted ones included.
class PartitionSummaryBuilder {
 public:
  // `partition_type` must outlive the builder.
  explicit PartitionSummaryBuilder(const Type& partition_type);

  // The values must be of the partition type.
  void Add(const PartitionValues& values);
  Result<std::vector<PartitionFieldSummary>> Finish() const;

 private:
  struct FieldRange {
    bool has_null = false;
    bool has_nan = false;
    std::optional<Literal> least;
    std::optional<Literal> greatest;
  };
  const Type& partition_type_;
  std::vector<FieldRange> ranges_;
};

// Whether a float or double literal is not a number.
bool IsNan(const Literal& value);

// A bound of a column or of partition values; unset if there is none or it is NaN, which old
// writers put there and which bounds nothing. A bound of a fixed may be cut short.
Result<std::optional<Literal>> DecodeBound(const Type& type,
                                           const std::optional<std::string>& bytes);

// Whether a manifest with these summaries can hold a file with these partition values. Without
// summaries it can.
Result<bool> SummariesMayContain(const Type& partition_type,
                                 const std::vector<PartitionFieldSummary>& summaries,
                                 const PartitionValues& values);

// Orders partition values; NULL comes first.
struct PartitionLess {
  bool operator()(const PartitionValues& a, const PartitionValues& b) const;
};

// A partition of a table; its values mean something within their spec only.
struct SpecPartition {
  int32_t spec_id = 0;
  PartitionValues values;
};
bool operator<(const SpecPartition& a, const SpecPartition& b);

}  // namespace octolake::iceberg
