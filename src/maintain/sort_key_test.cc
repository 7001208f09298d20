#include "maintain/sort_key.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace octolake::maintain {
namespace {

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> ArrayOf(Builder builder, const std::vector<Value>& values,
                                      bool null_first = true) {
  if (null_first) {
    EXPECT_TRUE(builder.AppendNull().ok());
  }
  for (const Value& value : values) EXPECT_TRUE(builder.Append(value).ok());
  return builder.Finish().ValueOrDie();
}

// Fails unless the keys of the array's rows are strictly ascending.
void ExpectAscending(const iceberg::Type& type, const arrow::Array& array) {
  const Keys keys = KeysOf(type, array);
  ASSERT_EQ(keys.size(), static_cast<size_t>(array.length()));
  for (size_t i = 1; i < keys.size(); ++i) EXPECT_LT(keys[i - 1], keys[i]) << "row " << i;
}

TEST(SortKeyTest, NumbersCompareAsNumbers) {
  const std::vector<int64_t> numbers = {INT64_MIN, -300, -1, 0, 1, 255, 256, INT64_MAX};
  ExpectAscending(*iceberg::LongType(), *ArrayOf(arrow::Int64Builder(), numbers));
  ExpectAscending(*iceberg::IntType(),
                  *ArrayOf(arrow::Int32Builder(), std::vector<int32_t>{INT32_MIN, -1, 0, 7}));
  const double infinity = std::numeric_limits<double>::infinity();
  ExpectAscending(
      *iceberg::DoubleType(),
      *ArrayOf(arrow::DoubleBuilder(), std::vector<double>{-infinity, -2.5, -1e-300, 0, 1e-300, 2.5,
                                                           infinity, std::nan("")}));
  const auto at = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  ExpectAscending(*iceberg::TimestamptzType(),
                  *ArrayOf(arrow::TimestampBuilder(at, arrow::default_memory_pool()),
                           std::vector<int64_t>{-1, 0, 1'420'070'400'000'000}));
  ExpectAscending(*iceberg::BooleanType(),
                  *ArrayOf(arrow::BooleanBuilder(), std::vector<bool>{false, true}));
}

TEST(SortKeyTest, EqualNumbersHaveEqualKeys) {
  const auto array = ArrayOf(arrow::DoubleBuilder(), std::vector<double>{0.0, -0.0}, false);
  const Keys keys = KeysOf(*iceberg::DoubleType(), *array);
  EXPECT_EQ(keys[0], keys[1]);
}

TEST(SortKeyTest, DecimalsCompareAsNumbers) {
  const auto type = iceberg::ParsePrimitiveType("decimal(38,2)").value();
  std::vector<arrow::Decimal128> values;
  for (const int64_t value :
       {int64_t{-70000}, int64_t{-256}, int64_t{-1}, int64_t{0}, int64_t{255}})
    values.emplace_back(value);
  ExpectAscending(*type, *ArrayOf(arrow::Decimal128Builder(arrow::decimal128(38, 2)), values));
}

TEST(SortKeyTest, TextsCompareByBytesWhateverFollows) {
  using namespace std::string_literals;
  const auto array =
      ArrayOf(arrow::StringBuilder(),
              std::vector<std::string>{"", "\0"s, "\0\x01"s, "a", "a\0"s, "a\0b"s, "ab", "b"});
  ExpectAscending(*iceberg::StringType(), *array);
  // The second column decides only where the first is equal.
  const auto texts =
      ArrayOf(arrow::StringBuilder(), std::vector<std::string>{"a", "ab", "ab"}, false);
  const auto numbers = ArrayOf(arrow::Int64Builder(), std::vector<int64_t>{9, -5, 3}, false);
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("t", arrow::utf8())}), 3,
      {numbers, texts});
  const ColumnOrder order(
      {{2, "t", iceberg::StringType(), false, ""}, {1, "n", iceberg::LongType(), false, ""}});
  const auto keys = order.KeysOf(*batch);
  EXPECT_LT(keys[0], keys[1]);
  EXPECT_LT(keys[1], keys[2]);
}

TEST(SortKeyTest, KeysAreSortedByAllOfTheirBytes) {
  using namespace std::string_literals;
  std::vector<std::string> keys = {"pre9", "pre",         "pre12345678b", "pre12345678a", "pre\0"s,
                                   "pre1", "pre12345678", "pre9",         "pr\xff"};
  std::vector<std::string> expected = keys;
  std::sort(expected.begin(), expected.end());
  SortKeys(keys);
  EXPECT_EQ(keys, expected);
  std::vector<std::string> none;
  SortKeys(none);
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace octolake::maintain
