// Partition transforms, partition specs and sort orders ("Partitioning", "Sorting" in the
// specification).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

struct Transform {
  enum class Kind { kIdentity, kBucket, kTruncate, kYear, kMonth, kDay, kHour, kVoid };
  Kind kind = Kind::kIdentity;
  int32_t width = 0;  // bucket: number of buckets; truncate: width

  // "day", "bucket[16]", ...; kUnsupported, naming it, for a transform not known here.
  static Result<Transform> Parse(std::string_view text);
  std::string ToString() const;
  // kInvalidArgument if the transform cannot be applied to the type. Day gives date, as the
  // reference implementation writes it.
  Result<TypePtr> ResultType(const TypePtr& source) const;
  // nullopt for NULL. The value must be of the source type.
  Result<std::optional<Literal>> Apply(const Type& source, const std::optional<Literal>& v) const;

  friend bool operator==(const Transform&, const Transform&) = default;
};

struct PartitionField {
  int32_t source_id = 0;
  int32_t field_id = 0;  // 1000 and up
  std::string name;
  Transform transform;
  friend bool operator==(const PartitionField&, const PartitionField&) = default;
};

struct PartitionSpec {
  int32_t spec_id = 0;
  std::vector<PartitionField> fields;
  friend bool operator==(const PartitionSpec&, const PartitionSpec&) = default;
};

// One value a partition field, in the spec's order; nullopt is NULL.
using PartitionValues = std::vector<std::optional<Literal>>;

// The types of a spec's partition values, in order, as a struct with the partition field ids.
Result<TypePtr> PartitionType(const Schema& schema, const PartitionSpec& spec);
// "ingestion_date=2015-01-01/kind=a%2Fb", the folder below data/ (values are URL-encoded); empty
// for an unpartitioned spec.
std::string PartitionPath(const PartitionSpec& spec, const Type& partition_type,
                          const PartitionValues& values);

struct SortField {
  Transform transform;
  int32_t source_id = 0;
  bool ascending = true;
  bool nulls_first = true;
  friend bool operator==(const SortField&, const SortField&) = default;
};

struct SortOrder {
  int32_t order_id = 0;  // 0 is unsorted, and only 0
  std::vector<SortField> fields;
  friend bool operator==(const SortOrder&, const SortOrder&) = default;
};

}  // namespace octolake::iceberg
