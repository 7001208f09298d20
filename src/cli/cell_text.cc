#include <arrow/array.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/civil_time.h"
#include "base/hex.h"
#include "base/json_text.h"
#include "cli/row_printer.h"

namespace octolake::cli {
namespace {

template <typename ArrayType>
std::string_view View(const arrow::Array& array, int64_t row) {
  return static_cast<const ArrayType&>(array).GetView(row);
}

std::string DoubleText(double value) {
  char text[32];
  const auto result = std::to_chars(text, text + sizeof text, value);
  return {text, result.ptr};
}

int64_t MicrosOf(int64_t value, arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return value * 1'000'000;
    case arrow::TimeUnit::MILLI:
      return value * 1000;
    case arrow::TimeUnit::MICRO:
      return value;
    case arrow::TimeUnit::NANO:
      return FloorDiv(value, 1000);
  }
  return value;
}

}  // namespace

std::string CellText(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return "";
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false";
    case arrow::Type::INT32:
      return std::to_string(static_cast<const arrow::Int32Array&>(array).Value(row));
    case arrow::Type::INT64:
      return std::to_string(static_cast<const arrow::Int64Array&>(array).Value(row));
    case arrow::Type::DOUBLE:
      return DoubleText(static_cast<const arrow::DoubleArray&>(array).Value(row));
    case arrow::Type::STRING:
      return std::string(View<arrow::StringArray>(array, row));
    case arrow::Type::LARGE_STRING:
      return std::string(View<arrow::LargeStringArray>(array, row));
    case arrow::Type::BINARY:
      return HexEncode(View<arrow::BinaryArray>(array, row));
    case arrow::Type::LARGE_BINARY:
      return HexEncode(View<arrow::LargeBinaryArray>(array, row));
    case arrow::Type::DATE32:
      return FormatDate(static_cast<const arrow::Date32Array&>(array).Value(row));
    case arrow::Type::TIMESTAMP: {
      const auto& type = static_cast<const arrow::TimestampType&>(*array.type());
      const int64_t value = static_cast<const arrow::TimestampArray&>(array).Value(row);
      std::string text = FormatTimestamp(MicrosOf(value, type.unit()));
      if (type.timezone().empty()) text.pop_back();
      return text;
    }
    case arrow::Type::MAP:
    case arrow::Type::LIST:
    case arrow::Type::STRUCT:
      return JsonText(CellJson(array, row));
    default: {
      auto scalar = array.GetScalar(row);
      return scalar.ok() ? (*scalar)->ToString() : "?";
    }
  }
}

}  // namespace octolake::cli
