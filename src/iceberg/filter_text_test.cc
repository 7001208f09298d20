#include "iceberg/filter_text.h"

#include <gtest/gtest.h>

#include <string>

namespace octolake::iceberg {
namespace {

const Schema& Columns() {
  static const Schema schema = [] {
    Schema columns;
    const std::pair<const char*, const char*> types[] = {
        {"id", "long"},        {"type", "string"},     {"day", "date"},
        {"at", "timestamptz"}, {"local", "timestamp"}, {"clock", "time"},
        {"public", "boolean"}, {"score", "double"},    {"price", "decimal(6,2)"},
        {"trace", "uuid"},     {"hash", "fixed[2]"},   {"Größe in m", "float"},
        {"hour", "int"},       {"and", "int"}};
    for (const auto& [name, type] : types) {
      Field& field = columns.fields.emplace_back();
      field.id = static_cast<int32_t>(columns.fields.size());
      field.name = name;
      field.type = ParsePrimitiveType(type).value();
    }
    const auto list = std::make_shared<Type>();
    list->id = TypeId::kList;
    list->fields.emplace_back().type = LongType();
    Field& commits = columns.fields.emplace_back();
    commits.id = 99;
    commits.name = "commits";
    commits.type = list;
    return columns;
  }();
  return schema;
}

// "id = 5; type in a b", or the error.
std::string Parsed(std::string_view text) {
  static const char* const kSigns[] = {"=", "<", "<=", ">", ">=", "in", "is null", "is not null"};
  const auto filter = ParseFilter(text, Columns());
  if (!filter) {
    EXPECT_EQ(filter.error().kind, ErrorKind::kInvalidArgument);
    return filter.error().message;
  }
  std::string out;
  for (const Predicate& predicate : *filter) {
    out +=
        (out.empty() ? "" : "; ") + predicate.column + " " + kSigns[static_cast<int>(predicate.op)];
    for (const Literal& value : predicate.values) {
      out += " " + LiteralText(*Columns().FindByName(predicate.column)->type, value);
    }
  }
  return out;
}

TEST(FilterTextTest, ReadsConditionsJoinedByAnd) {
  EXPECT_EQ(Parsed("id=5"), "id = 5");
  EXPECT_EQ(Parsed("  id >= -5 "), "id >= -5");
  EXPECT_EQ(Parsed("id<5 and id<=6 AND id>1 And hour>=2"), "id < 5; id <= 6; id > 1; hour >= 2");
  EXPECT_EQ(Parsed("day >= '2015-01-01' AND type = 'PushEvent'"),
            "day >= 2015-01-01; type = PushEvent");
  EXPECT_EQ(Parsed("type IN ('a','b' , 'it''s')"), "type in a b it's");
  EXPECT_EQ(Parsed("id between 1 and 3 and hour = 2"), "id >= 1; id <= 3; hour = 2");
  EXPECT_EQ(Parsed("type is null AND commits IS NOT NULL"), "type is null; commits is not null");
  EXPECT_EQ(Parsed("\"Größe in m\" > 1.5 AND \"and\" = 1 AND and = 2"),
            "Größe in m > 1.5; and = 1; and = 2");
}

TEST(FilterTextTest, ReadsValuesOfEveryType) {
  EXPECT_EQ(Parsed("at = '2015-01-01T01:00:00+02:00'"), "at = 2014-12-31T23:00:00+00:00");
  EXPECT_EQ(Parsed("at < '2015-01-02'"), "at < 2015-01-02T00:00:00+00:00");
  EXPECT_EQ(Parsed("local = '2015-01-01 15:00:00.5'"), "local = 2015-01-01T15:00:00.5");
  EXPECT_EQ(Parsed("clock = '15:04:05'"), "clock = 15:04:05");
  EXPECT_EQ(Parsed("public = TRUE AND public = false"), "public = true; public = false");
  EXPECT_EQ(Parsed("score = -1e3"), "score = -1000");
  EXPECT_EQ(Parsed("price >= -12.5 AND price = 7 AND price < 9999.99"),
            "price >= -12.50; price = 7.00; price < 9999.99");
  EXPECT_EQ(Parsed("trace = 'f79c3e09-677c-4bbd-a479-3f349cb785e7'"),
            "trace = f79c3e09-677c-4bbd-a479-3f349cb785e7");
  EXPECT_EQ(Parsed("hash = 'FF00'"), "hash = ff00");
  EXPECT_EQ(Parsed("type = ''"), "type = ");
}

TEST(FilterTextTest, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "at character 1, its end: expected a column"},
      {"id", "at character 3, its end: expected =, <,"},
      {"id =", "its end: expected a value of column 'id', of type long, without quotes"},
      {"id = 5 AND", "at character 11, its end: expected a column"},
      {"id = 5 AND typ = 'a'",
       "at character 12 (typ = 'a'): there is no column 'typ' (did you mean 'type'?)"},
      {"ID = 5", "there is no column 'ID'"},
      {"id = '5'",
       "at character 6 ('5'): expected a value of column 'id', of type long, without quotes"},
      {"id = 5.5", "column 'id': expected a whole number of 64 bits, found '5.5'"},
      {"id = 9223372036854775808", "expected a whole number of 64 bits"},
      {"hour = 2147483648", "expected a whole number of 32 bits"},
      {"type = PushEvent",
       "at character 8 (PushEvent): expected a value of column 'type', of type string, in single"},
      {"type = \"PushEvent\"", "in single quotes"},
      {"type = 'Push", "at character 8 ('Push): the quote that ends this is missing"},
      {"day = '2015-02-30'", "at character 7 ('2015-02-30'): column 'day': expected a date"},
      {"day = '1-1-2015'", "expected a date such as 2015-01-01, found '1-1-2015'"},
      {"local = '2015-01-01T00:00:00Z'", "expected a time without a zone"},
      {"clock = '25:00:00'", "expected a time of day"},
      {"public = 1", "expected true or false, found '1'"},
      {"score = nan", "expected a number that fits double, found 'nan'"},
      {"price = 1.234", "expected a number that fits decimal(6, 2), found '1.234'"},
      {"price = 12345", "expected a number that fits decimal(6, 2)"},
      {"price = .", "expected a number that fits decimal(6, 2)"},
      {"trace = 'f79c'", "expected a UUID"},
      {"hash = 'FF'", "expected hexadecimal digits of fixed[2]"},
      {"commits = 1", "column 'commits' is a list: expected IS NULL or IS NOT NULL"},
      {"id = 1 OR id = 2", "at character 8 (OR id = 2): expected AND or the end"},
      {"NOT id = 1", "there is no column 'NOT'"},
      {"(id = 1)", "at character 1 ((id = 1)): expected a column"},
      {"id <> 1", "expected a value of column 'id'"},
      {"id != 1", "at character 4 (!= 1): expected =, <,"},
      {"id IN ()", "expected a value of column 'id'"},
      {"id IN (1", "at character 9, its end: expected , or )"},
      {"id IN 1", "expected ( and the values of IN"},
      {"id BETWEEN 1", "expected AND and the greatest value of BETWEEN"},
      {"id IS 5", "expected NULL or NOT NULL behind IS"},
      {"id = 5; DROP TABLE x", "at character 7 (; DROP TABLE x): expected AND or the end"},
      {"id = 5 -- id", "at character 8 (-- id): expected AND or the end"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_NE(Parsed(text).find(message), std::string::npos) << text << "\n" << Parsed(text);
  }
}

TEST(FilterTextTest, HasLimits) {
  std::string text = "id = 1";
  for (int i = 0; i < 100; ++i) text += " AND id = 1";
  EXPECT_NE(Parsed(text).find("more than 100 conditions"), std::string::npos);
  text = "id IN (1";
  for (int i = 0; i < 10'000; ++i) text += ",1";
  EXPECT_NE(Parsed(text + ")").find("more than 10000 values"), std::string::npos);
  EXPECT_NE(Parsed(std::string(kMaxFilterTextBytes + 1, ' ')).find("at most 65536 bytes"),
            std::string::npos);
}

// Excerpts are cut between characters.
TEST(FilterTextTest, ShowsWholeCharacters) {
  const std::string message = Parsed("type = ééééééééééééééééééééééééééééééééééééé");
  EXPECT_NE(message.find("(éééééééééééééééééééééééé…)"), std::string::npos) << message;
}

}  // namespace
}  // namespace octolake::iceberg
