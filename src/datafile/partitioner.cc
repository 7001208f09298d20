#include "datafile/partitioner.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>

#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/civil_time.h"
#include "datafile/array_value.h"
#include "datafile/arrow_status.h"
#include "datafile/gather_rows.h"

namespace octolake::datafile {
namespace {

using iceberg::Literal;
using iceberg::Transform;
using iceberg::TypeId;

bool IsNumber(TypeId id) {
  return id == TypeId::kInt || id == TypeId::kLong || id == TypeId::kDate || id == TypeId::kTime ||
         id == TypeId::kTimestamp || id == TypeId::kTimestamptz;
}

// Values with the same quotient by this width have the same transformed value, so that the
// transform is applied once for all of them.
int64_t ClassWidth(const Transform& transform, TypeId source) {
  const bool timestamp = source == TypeId::kTimestamp || source == TypeId::kTimestamptz;
  switch (transform.kind) {
    case Transform::Kind::kYear:
    case Transform::Kind::kMonth:
    case Transform::Kind::kDay:
      return timestamp ? kMicrosPerDay : 1;
    case Transform::Kind::kHour:
      return timestamp ? kMicrosPerHour : 1;
    default:
      return 1;
  }
}

// Transformed values of one batch, numbered in the order they are met.
class ValueNumbers {
 public:
  ValueNumbers(const Transform& transform, const iceberg::Type& source, const iceberg::Type& result)
      : transform_(transform), source_(source), result_(result) {}

  Result<int32_t> Number(const std::optional<Literal>& source_value) {
    OCTO_ASSIGN(auto value, transform_.Apply(source_, source_value));
    std::string key(1, value ? 'v' : 'n');
    if (value) {
      OCTO_ASSIGN(auto encoded, iceberg::EncodeLiteral(result_, *value));
      key += encoded;
    }
    auto [entry, added] = numbers_.try_emplace(key, static_cast<int32_t>(values_.size()));
    if (added) {
      values_.push_back(std::move(value));
      keys_.push_back(std::move(key));
    }
    return entry->second;
  }
  const std::optional<Literal>& value(int32_t number) const {
    return values_[static_cast<size_t>(number)];
  }
  const std::string& key(int32_t number) const { return keys_[static_cast<size_t>(number)]; }

 private:
  const Transform& transform_;
  const iceberg::Type& source_;
  const iceberg::Type& result_;
  std::map<std::string, int32_t> numbers_;
  std::vector<std::optional<Literal>> values_;
  std::vector<std::string> keys_;
};

// The number of every row's transformed value. `class_of` maps a row to what decides the value.
template <typename Class, typename ClassOf>
Result<std::vector<int32_t>> NumberRows(const arrow::Array& array, const iceberg::Type& source,
                                        ValueNumbers& numbers, const ClassOf& class_of) {
  std::vector<int32_t> result(static_cast<size_t>(array.length()));
  std::unordered_map<Class, int32_t> by_class;
  std::optional<int32_t> null_number;
  std::optional<Class> last_class;
  int32_t last_number = 0;
  for (int64_t row = 0; row < array.length(); ++row) {
    int32_t& out = result[static_cast<size_t>(row)];
    if (array.IsNull(row)) {
      if (!null_number) {
        OCTO_ASSIGN(null_number, numbers.Number(std::nullopt));
      }
      out = *null_number;
      continue;
    }
    const Class row_class = class_of(row);
    if (last_class != row_class) {
      auto found = by_class.find(row_class);
      if (found == by_class.end()) {
        OCTO_ASSIGN(int32_t number, numbers.Number(ValueAt(source, array, row)));
        found = by_class.emplace(row_class, number).first;
      }
      last_class = row_class;
      last_number = found->second;
    }
    out = last_number;
  }
  return result;
}

}  // namespace

// Rows so far told apart: a group a row, and what the groups have in common.
struct Partitioner::Grouping {
  struct Group {
    iceberg::PartitionValues values;
    std::string key;
  };
  std::vector<int32_t> group_of_row;
  std::vector<Group> groups;
};

Result<Partitioner> Partitioner::Make(const iceberg::Schema& schema,
                                      const iceberg::PartitionSpec& spec) {
  Partitioner result;
  for (const auto& field : spec.fields) {
    const iceberg::Field* source = nullptr;
    int column = 0;
    for (size_t index = 0; index < schema.fields.size(); ++index) {
      if (schema.fields[index].id != field.source_id) continue;
      source = &schema.fields[index];
      column = static_cast<int>(index);
    }
    if (source == nullptr) {
      return MakeError(ErrorKind::kNotFound, "partition field " + field.name +
                                                 " is made from column " +
                                                 std::to_string(field.source_id) +
                                                 ", which is no top-level column of the schema");
    }
    OCTO_ASSIGN(auto type, field.transform.ResultType(source->type));
    result.fields_.push_back({column, source->type, std::move(type), field.transform});
  }
  return result;
}

Status Partitioner::Refine(const Field& field, const arrow::RecordBatch& batch,
                           Grouping& grouping) const {
  const arrow::Array& array = *batch.column(field.column);
  ValueNumbers numbers(field.transform, *field.source, *field.result);
  std::vector<int32_t> number_of_row;
  if (IsNumber(field.source->id)) {
    const int64_t width = ClassWidth(field.transform, field.source->id);
    OCTO_ASSIGN(number_of_row, NumberRows<int64_t>(array, *field.source, numbers, [&](int64_t row) {
                  return FloorDiv(NumberAt(array, row), width);
                }));
  } else {
    OCTO_ASSIGN(number_of_row,
                NumberRows<std::string_view>(array, *field.source, numbers,
                                             [&](int64_t row) { return BytesAt(array, row); }));
  }

  std::vector<Grouping::Group> refined;
  std::unordered_map<int64_t, int32_t> by_pair;
  for (size_t row = 0; row < number_of_row.size(); ++row) {
    const int32_t old = grouping.group_of_row[row];
    const int64_t pair = (int64_t{old} << 32) | number_of_row[row];
    auto [entry, added] = by_pair.try_emplace(pair, static_cast<int32_t>(refined.size()));
    if (added) {
      Grouping::Group group = grouping.groups[static_cast<size_t>(old)];
      const std::string& key = numbers.key(number_of_row[row]);
      group.values.push_back(numbers.value(number_of_row[row]));
      group.key += std::to_string(key.size()) + ":" + key;
      refined.push_back(std::move(group));
    }
    grouping.group_of_row[row] = entry->second;
  }
  grouping.groups = std::move(refined);
  return {};
}

Result<std::vector<PartitionRows>> Partitioner::Split(
    std::shared_ptr<arrow::RecordBatch> batch) const {
  std::vector<PartitionRows> result;
  if (batch->num_rows() == 0) return result;
  const auto rows = static_cast<size_t>(batch->num_rows());
  Grouping grouping{std::vector<int32_t>(rows, 0), std::vector<Grouping::Group>(1)};
  for (const auto& field : fields_) OCTO_TRY(Refine(field, *batch, grouping));

  if (grouping.groups.size() == 1) {
    auto& only = grouping.groups.front();
    result.push_back({std::move(only.values), std::move(only.key), std::move(batch)});
    return result;
  }
  std::vector<std::vector<RowPlace>> places_of_group(grouping.groups.size());
  for (size_t row = 0; row < rows; ++row) {
    places_of_group[static_cast<size_t>(grouping.group_of_row[row])].push_back(
        {.batch = 0, .row = static_cast<uint32_t>(row)});
  }
  for (size_t index = 0; index < grouping.groups.size(); ++index) {
    auto& group = grouping.groups[index];
    OCTO_ASSIGN(auto taken, GatherRows({batch}, places_of_group[index]));
    result.push_back({std::move(group.values), std::move(group.key), std::move(taken)});
  }
  return result;
}

}  // namespace octolake::datafile
