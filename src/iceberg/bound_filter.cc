#include "iceberg/bound_filter.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "iceberg/manifest_io.h"
#include "iceberg/partition_summary.h"

namespace octolake::iceberg {
namespace {

using Op = Predicate::Op;

// Adding 0 turns -0 into +0, which SQL holds equal and the order of bounds does not.
Literal WithoutNegativeZero(const Literal& value) {
  if (const auto* number = std::get_if<float>(&value)) return *number + 0.0F;
  if (const auto* number = std::get_if<double>(&value)) return *number + 0.0;
  return value;
}

bool Less(const Literal& a, const Literal& b) {
  return CompareLiterals(WithoutNegativeZero(a), WithoutNegativeZero(b)) < 0;
}

bool BeginsWith(const Literal& value, const Literal& prefix) {
  const auto* text = std::get_if<std::string>(&value);
  const auto* start = std::get_if<std::string>(&prefix);
  return text != nullptr && start != nullptr && text->starts_with(*start);
}

// Whether no value of the range is as great as this, or greater.
bool IsAboveAll(const Literal& value, const ValueRange& range) {
  if (!range.upper || !Less(*range.upper, value)) return false;
  return !range.upper_may_be_cut || !BeginsWith(value, *range.upper);
}

// Whether a value of the range may be greater.
bool MayBeExceeded(const Literal& value, const ValueRange& range) {
  if (!range.upper || Less(value, *range.upper)) return true;
  return range.upper_may_be_cut && BeginsWith(value, *range.upper);
}

bool IsNullTest(Op op) { return op == Op::kIsNull || op == Op::kNotNull; }

bool IsOrder(Op op) {
  return op == Op::kLess || op == Op::kLessOrEqual || op == Op::kGreater ||
         op == Op::kGreaterOrEqual;
}

bool HoldsNan(const std::vector<Literal>& values) {
  return std::any_of(values.begin(), values.end(), IsNan);
}

Status CheckPredicate(const Predicate& predicate, const Field& column) {
  const std::string where = "filter on column '" + predicate.column + "'";
  const size_t count = predicate.values.size();
  if (IsNullTest(predicate.op) ? count != 0 : (predicate.op != Op::kIn && count != 1)) {
    return MakeError(ErrorKind::kInvalidArgument,
                     where + " has " + std::to_string(count) + " values");
  }
  if (!column.type->is_primitive() && !IsNullTest(predicate.op)) {
    return MakeError(ErrorKind::kInvalidArgument,
                     where + ": a " + TypeName(*column.type) + " cannot be compared");
  }
  for (const Literal& value : predicate.values) {
    auto encoded = EncodeLiteral(*column.type, value);
    if (!encoded) return WithContext(std::move(encoded).error(), where);
  }
  return {};
}

// Whether the transform keeps the order of values (which is what lets bounds be projected).
bool KeepsOrder(Transform::Kind kind) {
  return kind != Transform::Kind::kBucket && kind != Transform::Kind::kVoid;
}

// Truncation wraps round below the least multiple of its width: the least values become great
// ones. Whether the range may hold such a result.
bool MayHaveWrapped(const Transform& transform, const ValueRange& range) {
  const auto at_the_end = [&](auto upper) {
    using Number = decltype(upper);
    return upper > std::numeric_limits<Number>::max() - static_cast<Number>(transform.width);
  };
  if (transform.kind != Transform::Kind::kTruncate) return false;
  if (!range.upper) return true;
  if (const auto* upper = std::get_if<int32_t>(&*range.upper)) return at_the_end(*upper);
  if (const auto* upper = std::get_if<int64_t>(&*range.upper)) return at_the_end(*upper);
  return false;  // decimals have room below, texts and bytes are cut
}

Op OrEqual(Op op) {
  if (op == Op::kLess) return Op::kLessOrEqual;
  return op == Op::kGreater ? Op::kGreaterOrEqual : op;
}

Result<ValueRange> RangeOfSummary(const PartitionFieldSummary& summary, const Type& type) {
  ValueRange range;
  range.may_be_null = summary.contains_null;
  range.may_be_nan = summary.contains_nan.value_or(true) &&
                     (type.id == TypeId::kFloat || type.id == TypeId::kDouble);
  range.may_have_value = summary.lower_bound || summary.upper_bound;
  OCTO_ASSIGN(range.lower, DecodeBound(type, summary.lower_bound));
  OCTO_ASSIGN(range.upper, DecodeBound(type, summary.upper_bound));
  return range;
}

ValueRange RangeOfValue(const std::optional<Literal>& value) {
  ValueRange range;
  range.may_be_null = !value.has_value();
  range.may_be_nan = value && IsNan(*value);
  range.may_have_value = value && !range.may_be_nan;
  if (range.may_have_value) range.lower = range.upper = *value;
  return range;
}

}  // namespace

bool RangeMayMatch(const Predicate& predicate, const ValueRange& range) {
  const auto below_all = [&](const Literal& v) { return range.lower && Less(v, *range.lower); };
  const auto above_all = [&](const Literal& v) { return IsAboveAll(v, range); };
  if (predicate.op == Op::kIsNull) return range.may_be_null;
  if (predicate.op == Op::kNotNull) return range.may_be_nan || range.may_have_value;
  // Engines differ in how NaN compares.
  if (range.may_be_nan && (IsOrder(predicate.op) || HoldsNan(predicate.values))) return true;
  if (!range.may_have_value) return false;
  if (HoldsNan(predicate.values)) return true;
  switch (predicate.op) {
    case Op::kLess:
      return !range.lower || Less(*range.lower, predicate.values[0]);
    case Op::kLessOrEqual:
      return !below_all(predicate.values[0]);
    case Op::kGreater:
      return MayBeExceeded(predicate.values[0], range);
    case Op::kGreaterOrEqual:
      return !above_all(predicate.values[0]);
    default:
      return std::any_of(predicate.values.begin(), predicate.values.end(),
                         [&](const Literal& v) { return !below_all(v) && !above_all(v); });
  }
}

Result<BoundFilter> BoundFilter::Bind(const TableMetadata& metadata, const Filter& filter) {
  BoundFilter bound(metadata);
  for (const Predicate& predicate : filter) {
    const Field* column = metadata.CurrentSchema().FindByName(predicate.column);
    if (column == nullptr) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "table " + metadata.location + " has no column '" + predicate.column + "'");
    }
    OCTO_TRY(CheckPredicate(predicate, *column));
    bound.predicates_.push_back({.predicate = predicate, .column = column});
  }
  return bound;
}

bool BoundFilter::PartitionMayMatch(const BoundPredicate& bound, const PartitionField& field,
                                    const ValueRange& range) {
  if (field.source_id != bound.column->id || field.transform.kind == Transform::Kind::kVoid) {
    return true;
  }
  if (field.transform.kind == Transform::Kind::kIdentity || IsNullTest(bound.predicate.op)) {
    return RangeMayMatch(bound.predicate, range);
  }
  Predicate projected = bound.predicate;
  const bool is_order = IsOrder(projected.op);
  if (is_order) {
    if (!KeepsOrder(field.transform.kind) || MayHaveWrapped(field.transform, range)) {
      return range.may_have_value;
    }
    // Different values can have the same result.
    projected.op = OrEqual(projected.op);
  }
  for (Literal& value : projected.values) {
    auto result = field.transform.Apply(*bound.column->type, value);
    // Too far off for the transform, of which the range then tells nothing.
    if (!result || !*result) return true;
    const bool wrapped =
        field.transform.kind == Transform::Kind::kTruncate && CompareLiterals(**result, value) > 0;
    if (is_order && wrapped) return range.may_have_value;
    value = **std::move(result);
  }
  return RangeMayMatch(projected, range);
}

Result<bool> BoundFilter::ManifestMayMatch(const ManifestFile& manifest) const {
  const PartitionSpec* spec = metadata_->FindSpec(manifest.partition_spec_id);
  if (predicates_.empty() || spec == nullptr || manifest.partitions.size() != spec->fields.size()) {
    return true;
  }
  OCTO_ASSIGN(const TypePtr type, PartitionType(SchemaForSpec(*metadata_, *spec), *spec));
  for (size_t i = 0; i < spec->fields.size(); ++i) {
    auto range = RangeOfSummary(manifest.partitions[i], *type->fields[i].type);
    if (!range) {
      return WithContext(std::move(range).error(),
                         "partition summary of manifest " + manifest.manifest_path);
    }
    for (const BoundPredicate& bound : predicates_) {
      if (!PartitionMayMatch(bound, spec->fields[i], *range)) return false;
    }
  }
  return true;
}

Result<ValueRange> BoundFilter::ColumnRange(const Field& column, const DataFile& file) const {
  ValueRange range;
  const auto count = [&](const std::map<int32_t, int64_t>& counts) -> std::optional<int64_t> {
    const auto found = counts.find(column.id);
    if (found == counts.end()) return std::nullopt;
    return found->second;
  };
  const auto nulls = count(file.null_value_counts);
  const auto nans = count(file.nan_value_counts);
  const bool has_nan = column.type->id == TypeId::kFloat || column.type->id == TypeId::kDouble;
  range.may_be_null = nulls != 0;
  range.may_be_nan = has_nan && nans != 0;
  // A column of a list or map has other numbers of values than the file has rows.
  if (!column.type->is_primitive()) return range;
  const int64_t values = count(file.value_counts).value_or(file.record_count);
  if (nulls && *nulls + nans.value_or(0) >= values) range.may_have_value = false;
  const auto bound = [&](const std::map<int32_t, std::string>& bounds) {
    const auto found = bounds.find(column.id);
    return DecodeBound(*column.type, found == bounds.end()
                                         ? std::nullopt
                                         : std::optional<std::string>(found->second));
  };
  OCTO_ASSIGN(range.lower, bound(file.lower_bounds));
  OCTO_ASSIGN(range.upper, bound(file.upper_bounds));
  const auto* text = range.upper ? std::get_if<std::string>(&*range.upper) : nullptr;
  // Nothing is cut to nothing, and UUIDs are not cut.
  range.upper_may_be_cut = text != nullptr && !text->empty() && column.type->id != TypeId::kUuid;
  return range;
}

Result<bool> BoundFilter::FileMayMatch(const DataFile& file) const {
  const PartitionSpec* spec = metadata_->FindSpec(file.spec_id);
  for (const BoundPredicate& bound : predicates_) {
    if (spec != nullptr && spec->fields.size() == file.partition.size()) {
      for (size_t i = 0; i < spec->fields.size(); ++i) {
        const ValueRange range = RangeOfValue(file.partition[i]);
        if (!PartitionMayMatch(bound, spec->fields[i], range)) return false;
      }
    }
    auto range = ColumnRange(*bound.column, file);
    if (!range) {
      return WithContext(std::move(range).error(), "bounds of column '" + bound.column->name +
                                                       "' in the manifest entry of " +
                                                       file.file_path);
    }
    if (!RangeMayMatch(bound.predicate, *range)) return false;
  }
  return true;
}

}  // namespace octolake::iceberg
