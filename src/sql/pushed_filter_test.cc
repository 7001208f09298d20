#include "sql/pushed_filter.h"

#include <gtest/gtest.h>

#include <string>

namespace octolake::sql {
namespace {

const iceberg::Schema& Columns() {
  static const iceberg::Schema schema{
      .fields = {{1, "id", iceberg::LongType(), false, ""},
                 {2, "type", iceberg::StringType(), false, ""},
                 {3, "created", iceberg::TimestamptzType(), false, ""},
                 {4, "day", iceberg::DateType(), false, ""},
                 {5, "public", iceberg::BooleanType(), false, ""},
                 {6, "score", iceberg::DoubleType(), false, ""},
                 {7, "hour", iceberg::IntType(), false, ""}},
      .identifier_field_ids = {}};
  return schema;
}

std::string Text(const iceberg::Predicate& predicate) {
  static const char* const kSigns[] = {"=", "<", "<=", ">", ">=", "in", "is null", "is not null"};
  std::string text = predicate.column + " " + kSigns[static_cast<int>(predicate.op)];
  const iceberg::Field* column = Columns().FindByName(predicate.column);
  for (const auto& value : predicate.values) {
    text += " " + iceberg::LiteralText(*column->type, value);
  }
  return text;
}

std::string Parsed(std::string_view filter) {
  std::string text;
  for (const auto& predicate : ParsePushedFilter(filter, Columns())) {
    text += (text.empty() ? "" : "; ") + Text(predicate);
  }
  return text;
}

TEST(PushedFilterTest, ReadsComparisonsWithConstants) {
  EXPECT_EQ(Parsed("id=5"), "id = 5");
  EXPECT_EQ(Parsed("id>=-5"), "id >= -5");
  EXPECT_EQ(Parsed("hour<24"), "hour < 24");
  EXPECT_EQ(Parsed("type='Pu''sh'"), "type = Pu'sh");
  EXPECT_EQ(Parsed("type=''"), "type = ");
  EXPECT_EQ(Parsed("(type = 'x')"), "type = x");
  EXPECT_EQ(Parsed("day<='2015-01-02'::DATE"), "day <= 2015-01-02");
  EXPECT_EQ(Parsed("public=true"), "public = true");
  EXPECT_EQ(Parsed("created>='2015-01-02 00:00:00+00'::TIMESTAMP WITH TIME ZONE AND "
                   "created<'2015-01-03 04:05:06.5+00'::TIMESTAMP WITH TIME ZONE"),
            "created >= 2015-01-02T00:00:00+00:00; created < 2015-01-03T04:05:06.5+00:00");
}

TEST(PushedFilterTest, ReadsLists) {
  EXPECT_EQ(Parsed("optional: type IN ('a', 'b, c', 'd''e')"), "type in a b, c d'e");
  EXPECT_EQ(Parsed("id IN (1, 2)"), "id in 1 2");
  EXPECT_EQ(Parsed("id IN (1, x)"), "");
}

TEST(PushedFilterTest, ReadsTestsForNull) {
  EXPECT_EQ(Parsed("(id IS NULL)"), "id is null");
  EXPECT_EQ(Parsed("(id IS NOT NULL)"), "id is not null");
}

TEST(PushedFilterTest, ReadsComparisonsOfATimestampsDate) {
  EXPECT_EQ(Parsed("(CAST(created AS DATE) = '2015-01-02'::DATE)"),
            "created >= 2015-01-02T00:00:00+00:00; created < 2015-01-03T00:00:00+00:00");
  EXPECT_EQ(Parsed("(CAST(created AS DATE) > '2015-01-02'::DATE)"),
            "created >= 2015-01-03T00:00:00+00:00");
  EXPECT_EQ(Parsed("(CAST(created AS DATE) <= '2015-01-02'::DATE)"),
            "created < 2015-01-03T00:00:00+00:00");
  EXPECT_EQ(Parsed("(CAST(created AS DATE) < '2015-01-02'::DATE)"),
            "created < 2015-01-02T00:00:00+00:00");
  EXPECT_EQ(Parsed("(CAST(created AS DATE) >= '2015-01-02'::DATE)"),
            "created >= 2015-01-02T00:00:00+00:00");
  EXPECT_EQ(Parsed("(CAST(id AS DATE) = '2015-01-02'::DATE)"), "");
}

TEST(PushedFilterTest, LeavesOutWhatStandsAloneAndIsNotUnderstood) {
  EXPECT_EQ(Parsed("id>5 AND (CAST(id AS DECIMAL(20,1)) < 7.5)"), "id > 5");
  EXPECT_EQ(Parsed("starts_with(type, 'a AND id=1') AND (lower(type) = 'x') AND id<9"), "id < 9");
}

TEST(PushedFilterTest, TakesNothingFromWhatCanBeMisread) {
  EXPECT_EQ(Parsed("id=1 OR id=2"), "");
  EXPECT_EQ(Parsed("id=1 AND id=2 OR id=3"), "");
  EXPECT_EQ(Parsed("(id = 1) OR (id = 2)"), "");
  EXPECT_EQ(Parsed("id BETWEEN 1 AND 2"), "");
  EXPECT_EQ(Parsed("CASE WHEN hour=1 AND id=2 AND hour=3 THEN true END"), "");
  EXPECT_EQ(Parsed("NOT id=1"), "");
  EXPECT_EQ(Parsed("(id = 1) IS NULL AND id=2"), "");
  EXPECT_EQ(Parsed("id!=1"), "");
  EXPECT_EQ(Parsed("id=1.5"), "");
  EXPECT_EQ(Parsed("id=99999999999999999999"), "");
  EXPECT_EQ(Parsed("type='a"), "");
  EXPECT_EQ(Parsed("type='a' || 'b'"), "");
  EXPECT_EQ(Parsed("created='infinity'::TIMESTAMP WITH TIME ZONE"), "");
  EXPECT_EQ(Parsed("id=1)"), "");
  EXPECT_EQ(Parsed("other=1"), "");
  EXPECT_EQ(Parsed("optional: Dynamic Filter (id)"), "");
  EXPECT_EQ(Parsed(""), "");
}

TEST(PushedFilterTest, TakesNoFloatingPointConditions) { EXPECT_EQ(Parsed("score>1.5"), ""); }

TEST(PushedFilterTest, KnowsPlainNames) {
  EXPECT_TRUE(IsPlainName("created_at2"));
  EXPECT_FALSE(IsPlainName(""));
  EXPECT_FALSE(IsPlainName("2x"));
  EXPECT_FALSE(IsPlainName("a=1 OR b"));
  EXPECT_FALSE(IsPlainName("a.b"));
}

}  // namespace
}  // namespace octolake::sql
