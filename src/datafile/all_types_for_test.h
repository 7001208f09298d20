// A table with a column of each type, and rows with each type's extremes. For tests only.
#pragma once

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <memory>
#include <vector>

#include "datafile/table_for_test.h"
#include "iceberg/type.h"

namespace octolake::datafile {

inline const auto kTimestamp = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");

inline std::vector<iceberg::Field> AllTypes() {
  return {{1, "flag", iceberg::BooleanType(), false, ""},
          {2, "small", iceberg::IntType(), false, ""},
          {3, "big", iceberg::LongType(), true, ""},
          {4, "real", MakeType(iceberg::TypeId::kFloat), false, ""},
          {5, "ratio", iceberg::DoubleType(), false, ""},
          {6, "price", MakeType(iceberg::TypeId::kDecimal, 20, 2), false, ""},
          {7, "day", iceberg::DateType(), false, ""},
          {8, "clock", MakeType(iceberg::TypeId::kTime), false, ""},
          {9, "local", MakeType(iceberg::TypeId::kTimestamp), false, ""},
          {10, "instant", iceberg::TimestamptzType(), false, ""},
          {11, "text", iceberg::StringType(), false, ""},
          {12, "bytes", iceberg::BinaryType(), false, ""},
          {13, "nothing", iceberg::StringType(), false, ""}};
}

inline std::shared_ptr<arrow::RecordBatch> AllTypesBatch() {
  return MakeBatch({
      {"flag", arrow::boolean(), "[true, false, null, true]"},
      {"small", arrow::int32(), "[-2147483648, 2147483647, null, 0]"},
      {"big", arrow::int64(), "[-9223372036854775808, 9223372036854775807, 0, 1]"},
      {"real", arrow::float32(), "[1.5, NaN, -2.5, null]"},
      {"ratio", arrow::float64(), "[NaN, -0.25, null, 1e300]"},
      {"price", arrow::decimal128(20, 2), R"(["-123456789012345678.99", "0.01", null, "5.00"])"},
      {"day", arrow::date32(), "[-1, 16436, null, 0]"},
      {"clock", arrow::time64(arrow::TimeUnit::MICRO), "[0, 86399999999, null, 5]"},
      {"local", arrow::timestamp(arrow::TimeUnit::MICRO), "[-1, 1420070400000000, null, 0]"},
      {"instant", kTimestamp, "[-62135596800000000, 253402300799999999, null, -1]"},
      {"text", arrow::utf8(), R"(["", "žluťoučký 🐙", null, "b"])"},
      {"bytes", arrow::binary(), R"(["", "abc", null, "z"])"},
      {"nothing", arrow::utf8(), "[null, null, null, null]"},
  });
}

}  // namespace octolake::datafile
