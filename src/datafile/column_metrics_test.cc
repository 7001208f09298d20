#include "datafile/column_metrics.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <limits>
#include <map>

#include "datafile/all_types_for_test.h"
#include "iceberg/literal.h"
#include "iceberg/scan.h"

namespace octolake::datafile {
namespace {

using iceberg::Literal;
using iceberg::TypeId;
using ::testing::HasSubstr;

TEST(ColumnMetrics, MetricsDescribeTheRows) {
  TestTable table(AllTypes());
  auto file = table.Write({AllTypesBatch()}).at(0);
  const auto& schema = table.schema();
  const auto bound = [&](const std::map<int32_t, std::string>& bounds, int32_t id) {
    auto literal = iceberg::DecodeLiteral(*schema.FindById(id)->type, bounds.at(id));
    return iceberg::LiteralText(*schema.FindById(id)->type, *literal);
  };
  const auto raw = [&](const std::map<int32_t, std::string>& bounds, int32_t id) {
    return *iceberg::DecodeLiteral(*schema.FindById(id)->type, bounds.at(id));
  };
  EXPECT_EQ(raw(file.lower_bounds, 1), Literal(false));
  EXPECT_EQ(raw(file.upper_bounds, 1), Literal(true));
  EXPECT_EQ(raw(file.lower_bounds, 2), Literal(std::numeric_limits<int32_t>::min()));
  EXPECT_EQ(raw(file.upper_bounds, 2), Literal(std::numeric_limits<int32_t>::max()));
  EXPECT_EQ(raw(file.lower_bounds, 3), Literal(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(raw(file.upper_bounds, 3), Literal(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(raw(file.lower_bounds, 4), Literal(-2.5f));
  EXPECT_EQ(raw(file.upper_bounds, 4), Literal(1.5f));
  EXPECT_EQ(raw(file.lower_bounds, 5), Literal(-0.25));
  EXPECT_EQ(raw(file.upper_bounds, 5), Literal(1e300));
  EXPECT_EQ(bound(file.lower_bounds, 6), "-123456789012345678.99");
  EXPECT_EQ(bound(file.upper_bounds, 6), "5.00");
  EXPECT_EQ(raw(file.lower_bounds, 7), Literal(int32_t{-1}));
  EXPECT_EQ(raw(file.upper_bounds, 7), Literal(int32_t{16436}));
  EXPECT_EQ(raw(file.upper_bounds, 8), Literal(int64_t{86399999999}));
  EXPECT_EQ(raw(file.lower_bounds, 9), Literal(int64_t{-1}));
  EXPECT_EQ(raw(file.lower_bounds, 10), Literal(int64_t{-62135596800000000}));
  EXPECT_EQ(raw(file.upper_bounds, 10), Literal(int64_t{253402300799999999}));
  EXPECT_EQ(file.lower_bounds.at(11), "");
  EXPECT_EQ(file.upper_bounds.at(11), "žluťoučký 🐙");
  EXPECT_EQ(file.upper_bounds.at(12), "z");
  EXPECT_FALSE(file.lower_bounds.contains(13));
  EXPECT_FALSE(file.upper_bounds.contains(13));
  EXPECT_EQ(file.null_value_counts.at(13), 4);
  EXPECT_EQ(file.null_value_counts.at(3), 0);
  EXPECT_EQ(file.value_counts.at(11), 4);
  EXPECT_EQ(file.nan_value_counts, (std::map<int32_t, int64_t>{{4, 1}, {5, 1}}));
  EXPECT_EQ(file.column_sizes.size(), 13u);
  EXPECT_EQ(file.split_offsets, std::vector<int64_t>{4});
  EXPECT_EQ(file.file_size_in_bytes,
            static_cast<int64_t>(std::filesystem::file_size(*io::LocalPath(file.file_path))));
}

TEST(ColumnMetrics, OnlyNanHasNoBoundsAndDoesNotHideOthers) {
  TestTable table({{1, "x", iceberg::DoubleType(), false, ""}});
  auto only = table.Write({MakeBatch({{"x", arrow::float64(), "[NaN, null, NaN]"}})}).at(0);
  EXPECT_TRUE(only.lower_bounds.empty());
  EXPECT_EQ(only.nan_value_counts.at(1), 2);
  WriterOptions options;
  options.row_group_rows = 2;  // the first row group is all NaN
  auto some =
      table.Write({MakeBatch({{"x", arrow::float64(), "[NaN, NaN, 3.0, null]"}})}, options).at(0);
  EXPECT_EQ(some.split_offsets.size(), 2u);
  EXPECT_EQ(some.lower_bounds.at(1), *iceberg::EncodeLiteral(*iceberg::DoubleType(), 3.0));
}

TEST(ColumnMetrics, LongTextsHaveCutBoundsVeryLongOnesNone) {
  TestTable table({{1, "a", iceberg::StringType(), false, ""},
                   {2, "b", iceberg::StringType(), false, ""},
                   {3, "c", iceberg::BinaryType(), false, ""}});
  const std::string a(40, 'a');
  const std::string b(9000, 'b');
  auto file = table
                  .Write({MakeBatch({{"a", arrow::utf8(), "[\"" + a + "\", \"cc\"]"},
                                     {"b", arrow::utf8(), "[\"" + b + "\", \"bb\"]"},
                                     {"c", arrow::binary(), "[\"" + a + "\", \"" + a + "\"]"}})})
                  .at(0);
  EXPECT_EQ(file.lower_bounds.at(1), std::string(16, 'a'));
  EXPECT_EQ(file.upper_bounds.at(1), "cc");
  EXPECT_EQ(file.lower_bounds.at(2), "bb");
  EXPECT_FALSE(file.upper_bounds.contains(2));
  EXPECT_EQ(file.upper_bounds.at(3), std::string(15, 'a') + "b");
}

TEST(ColumnMetrics, LongFixedValuesHaveCutBounds) {
  auto digest = std::make_shared<iceberg::Type>();
  digest->id = TypeId::kFixed;
  digest->length = 20;
  TestTable table({{1, "digest", digest, false, ""}});
  const std::string least(20, 'b');
  const std::string greatest(20, 'y');
  auto file = table
                  .Write({MakeBatch({{"digest", arrow::fixed_size_binary(20),
                                      "[\"" + least + "\", \"" + greatest + "\", null]"}})})
                  .at(0);
  EXPECT_EQ(file.lower_bounds.at(1), std::string(16, 'b'));
  EXPECT_EQ(file.upper_bounds.at(1), std::string(15, 'y') + "z");
  const auto equals = [&](const std::string& value) {
    return iceberg::FileMayMatch(table.metadata(), file,
                                 {{"digest", iceberg::Predicate::Op::kEq, {Literal(value)}}});
  };
  EXPECT_TRUE(equals(least).value());
  EXPECT_TRUE(equals(greatest).value());
  EXPECT_FALSE(equals(std::string(20, 'a')).value());
  EXPECT_FALSE(equals(std::string(20, 'z')).value());
}

TEST(ColumnMetrics, MetricsModesOfTheTableAreFollowed) {
  std::vector<iceberg::Field> fields;
  for (int id = 1; id <= 5; ++id) {
    fields.push_back(
        {id, std::string(1, static_cast<char>('a' + id - 1)), iceberg::StringType(), false, ""});
  }
  TestTable table(fields);
  table.metadata().properties = {{"write.metadata.metrics.column.a", "none"},
                                 {"write.metadata.metrics.column.b", "counts"},
                                 {"write.metadata.metrics.column.c", "truncate(2)"},
                                 {"write.metadata.metrics.column.d", "full"}};
  const std::string value = "[\"" + std::string(20, 'x') + "\"]";
  auto file = table
                  .Write({MakeBatch({{"a", arrow::utf8(), value},
                                     {"b", arrow::utf8(), value},
                                     {"c", arrow::utf8(), value},
                                     {"d", arrow::utf8(), value},
                                     {"e", arrow::utf8(), value}})})
                  .at(0);
  EXPECT_FALSE(file.value_counts.contains(1));
  EXPECT_EQ(file.value_counts.at(2), 1);
  EXPECT_FALSE(file.lower_bounds.contains(2));
  EXPECT_EQ(file.lower_bounds.at(3), "xx");
  EXPECT_EQ(file.upper_bounds.at(3), "xy");
  EXPECT_EQ(file.upper_bounds.at(4), std::string(20, 'x'));
  EXPECT_EQ(file.upper_bounds.at(5), std::string(15, 'x') + "y");

  table.metadata().properties = {{"write.metadata.metrics.column.a", "truncate(0)"}};
  SeededRandom random(1);
  auto refused = MakeTableWriter(table.fs(), random, table.metadata(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("write.metadata.metrics.column.a"));
}

}  // namespace
}  // namespace octolake::datafile
