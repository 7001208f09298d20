#include "iceberg/partition_summary.h"

#include <algorithm>
#include <cmath>

namespace octolake::iceberg {

bool IsNan(const Literal& value) {
  if (const auto* number = std::get_if<float>(&value)) return std::isnan(*number);
  if (const auto* number = std::get_if<double>(&value)) return std::isnan(*number);
  return false;
}

Result<std::optional<Literal>> DecodeBound(const Type& type,
                                           const std::optional<std::string>& bytes) {
  if (!bytes) return std::optional<Literal>();
  if (type.id == TypeId::kFixed) return std::optional<Literal>(*bytes);
  OCTO_ASSIGN(Literal bound, DecodeLiteral(type, *bytes));
  if (IsNan(bound)) return std::optional<Literal>();
  return std::optional<Literal>(std::move(bound));
}

PartitionSummaryBuilder::PartitionSummaryBuilder(const Type& partition_type)
    : partition_type_(partition_type), ranges_(partition_type.fields.size()) {}

void PartitionSummaryBuilder::Add(const PartitionValues& values) {
  for (size_t i = 0; i < ranges_.size() && i < values.size(); ++i) {
    FieldRange& range = ranges_[i];
    if (!values[i]) {
      range.has_null = true;
    } else if (IsNan(*values[i])) {
      range.has_nan = true;
    } else {
      const Literal& value = *values[i];
      if (!range.least || CompareLiterals(value, *range.least) < 0) range.least = value;
      if (!range.greatest || CompareLiterals(value, *range.greatest) > 0) range.greatest = value;
    }
  }
}

Result<std::vector<PartitionFieldSummary>> PartitionSummaryBuilder::Finish() const {
  std::vector<PartitionFieldSummary> summaries;
  for (size_t i = 0; i < ranges_.size(); ++i) {
    const Type& type = *partition_type_.fields[i].type;
    PartitionFieldSummary& summary = summaries.emplace_back();
    summary.contains_null = ranges_[i].has_null;
    summary.contains_nan = ranges_[i].has_nan;
    if (!ranges_[i].least) continue;
    OCTO_ASSIGN(summary.lower_bound, EncodeLiteral(type, *ranges_[i].least));
    OCTO_ASSIGN(summary.upper_bound, EncodeLiteral(type, *ranges_[i].greatest));
  }
  return summaries;
}

Result<bool> SummariesMayContain(const Type& partition_type,
                                 const std::vector<PartitionFieldSummary>& summaries,
                                 const PartitionValues& values) {
  if (summaries.size() != partition_type.fields.size() || values.size() != summaries.size()) {
    return true;
  }
  for (size_t i = 0; i < summaries.size(); ++i) {
    const PartitionFieldSummary& summary = summaries[i];
    if (!values[i]) {
      if (!summary.contains_null) return false;
      continue;
    }
    if (IsNan(*values[i])) {
      if (summary.contains_nan == false) return false;
      continue;
    }
    const Type& type = *partition_type.fields[i].type;
    // Without bounds all values are NULL or NaN.
    if (!summary.lower_bound && !summary.upper_bound) return false;
    OCTO_ASSIGN(const auto lower, DecodeBound(type, summary.lower_bound));
    if (lower && CompareLiterals(*values[i], *lower) < 0) return false;
    OCTO_ASSIGN(const auto upper, DecodeBound(type, summary.upper_bound));
    if (upper && CompareLiterals(*values[i], *upper) > 0) return false;
  }
  return true;
}

bool PartitionLess::operator()(const PartitionValues& a, const PartitionValues& b) const {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const std::optional<Literal>& x, const std::optional<Literal>& y) {
        if (!x || !y) return !x && y;
        if (x->index() != y->index()) return x->index() < y->index();
        return CompareLiterals(*x, *y) < 0;
      });
}

bool operator<(const SpecPartition& a, const SpecPartition& b) {
  if (a.spec_id != b.spec_id) return a.spec_id < b.spec_id;
  return PartitionLess()(a.values, b.values);
}

}  // namespace octolake::iceberg
