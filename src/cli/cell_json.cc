#include <arrow/array.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/row_printer.h"

namespace octolake::cli {
namespace {

using Json = nlohmann::ordered_json;

template <typename ArrayType>
auto ValueOf(const arrow::Array& array, int64_t row) {
  return static_cast<const ArrayType&>(array).Value(row);
}

Json FloatingJson(double value, const arrow::Array& array, int64_t row) {
  if (std::isfinite(value)) return value;
  return CellText(array, row);
}

// Sums of integers are decimals without a fraction. Others stay text: a double would round them.
Json DecimalJson(const arrow::Decimal128Array& array, int64_t row) {
  const auto& type = static_cast<const arrow::Decimal128Type&>(*array.type());
  const arrow::Decimal128 value(array.GetValue(row));
  if (type.scale() != 0) return CellText(array, row);
  auto number = value.ToInteger<int64_t>();
  if (number.ok()) return *number;
  return CellText(array, row);
}

Json ListJson(const arrow::ListArray& array, int64_t row) {
  Json list = Json::array();
  for (int64_t i = array.value_offset(row); i < array.value_offset(row + 1); ++i) {
    list.push_back(CellJson(*array.values(), i));
  }
  return list;
}

Json StructJson(const arrow::StructArray& array, int64_t row) {
  Json object = Json::object();
  for (int i = 0; i < array.num_fields(); ++i) {
    object[array.struct_type()->field(i)->name()] = CellJson(*array.field(i), row);
  }
  return object;
}

}  // namespace

Json CellJson(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return nullptr;
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return ValueOf<arrow::BooleanArray>(array, row);
    case arrow::Type::INT8:
      return ValueOf<arrow::Int8Array>(array, row);
    case arrow::Type::INT16:
      return ValueOf<arrow::Int16Array>(array, row);
    case arrow::Type::INT32:
      return ValueOf<arrow::Int32Array>(array, row);
    case arrow::Type::INT64:
      return ValueOf<arrow::Int64Array>(array, row);
    case arrow::Type::UINT8:
      return ValueOf<arrow::UInt8Array>(array, row);
    case arrow::Type::UINT16:
      return ValueOf<arrow::UInt16Array>(array, row);
    case arrow::Type::UINT32:
      return ValueOf<arrow::UInt32Array>(array, row);
    case arrow::Type::UINT64:
      return ValueOf<arrow::UInt64Array>(array, row);
    case arrow::Type::FLOAT:
      return FloatingJson(ValueOf<arrow::FloatArray>(array, row), array, row);
    case arrow::Type::DOUBLE:
      return FloatingJson(ValueOf<arrow::DoubleArray>(array, row), array, row);
    case arrow::Type::DECIMAL128:
      return DecimalJson(static_cast<const arrow::Decimal128Array&>(array), row);
    case arrow::Type::MAP:  // a list of key and value
    case arrow::Type::LIST:
      return ListJson(static_cast<const arrow::ListArray&>(array), row);
    case arrow::Type::STRUCT:
      return StructJson(static_cast<const arrow::StructArray&>(array), row);
    default:
      return CellText(array, row);
  }
}

}  // namespace octolake::cli
