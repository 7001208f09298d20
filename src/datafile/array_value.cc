#include "datafile/array_value.h"

#include <arrow/array.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <cmath>
#include <cstring>
#include <string>

namespace octolake::datafile {
namespace {

constexpr std::string_view kFalse("\0", 1);
constexpr std::string_view kTrue("\1", 1);

template <typename T>
T FixedAt(const arrow::Array& array, int64_t row) {
  return array.data()->GetValues<T>(1)[row];
}

template <typename T>
int64_t CountNanOf(const arrow::Array& array) {
  const T* values = array.data()->GetValues<T>(1);
  int64_t count = 0;
  for (int64_t row = 0; row < array.length(); ++row) {
    if (std::isnan(values[row]) && array.IsValid(row)) ++count;
  }
  return count;
}

}  // namespace

iceberg::Literal ValueAt(const iceberg::Type& type, const arrow::Array& array, int64_t row) {
  using iceberg::TypeId;
  switch (type.id) {
    case TypeId::kBoolean:
      return static_cast<const arrow::BooleanArray&>(array).Value(row);
    case TypeId::kInt:
    case TypeId::kDate:
      return FixedAt<int32_t>(array, row);
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestamptz:
      return FixedAt<int64_t>(array, row);
    case TypeId::kFloat:
      return FixedAt<float>(array, row);
    case TypeId::kDouble:
      return FixedAt<double>(array, row);
    case TypeId::kDecimal: {
      __int128 value = 0;
      std::string_view bytes = BytesAt(array, row);
      std::memcpy(&value, bytes.data(), sizeof value);
      return value;
    }
    default:
      return std::string(BytesAt(array, row));
  }
}

std::string_view BytesAt(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row) ? kTrue : kFalse;
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(array).GetView(row);
    default: {
      const auto width = static_cast<size_t>(array.type()->byte_width());
      const auto* values = array.data()->GetValues<char>(1, 0);
      return {values + static_cast<size_t>(array.offset() + row) * width, width};
    }
  }
}

int64_t NumberAt(const arrow::Array& array, int64_t row) {
  return array.type()->byte_width() == 4 ? FixedAt<int32_t>(array, row)
                                         : FixedAt<int64_t>(array, row);
}

int64_t CountNan(const arrow::Array& array) {
  if (array.type_id() == arrow::Type::FLOAT) return CountNanOf<float>(array);
  if (array.type_id() == arrow::Type::DOUBLE) return CountNanOf<double>(array);
  return 0;
}

}  // namespace octolake::datafile
