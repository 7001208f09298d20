#include "iceberg/partition.h"

#include <gtest/gtest.h>

#include <limits>

#include "iceberg/murmur3.h"

namespace octolake::iceberg {
namespace {

using std::string_literals::operator""s;

constexpr int64_t kHour = 3'600'000'000;
constexpr int64_t kDay = 24 * kHour;

TypePtr TypeOf(std::string_view name) { return ParsePrimitiveType(name).value(); }

std::optional<Literal> Apply(std::string_view transform, std::string_view type,
                             const std::optional<Literal>& value) {
  auto result = Transform::Parse(transform).value().Apply(*TypeOf(type), value);
  EXPECT_TRUE(result) << transform << " of " << type;
  return result ? *result : std::nullopt;
}

// The hash itself, from the bucket of the largest possible width and the examples' sign.
int64_t Bucket(std::string_view type, const Literal& value) {
  return std::get<int32_t>(Apply("bucket[2147483647]", type, value).value());
}
int64_t Expected(int32_t hash) { return (static_cast<uint32_t>(hash) & 0x7FFFFFFFU) % 2147483647U; }

TEST(TransformTest, BucketHashesAsAppendixBSays) {
  EXPECT_EQ(Bucket("int", int32_t{34}), Expected(2017239379));
  EXPECT_EQ(Bucket("long", int64_t{34}), Expected(2017239379));
  EXPECT_EQ(Bucket("decimal(9, 2)", static_cast<__int128>(1420)), Expected(-500754589));
  EXPECT_EQ(Bucket("date", int32_t{17486}), Expected(-653330422));        // 2017-11-16
  EXPECT_EQ(Bucket("time", int64_t{81068000000}), Expected(-662762989));  // 22:31:08
  EXPECT_EQ(Bucket("timestamp", int64_t{1510871468000000}), Expected(-2047944441));
  EXPECT_EQ(Bucket("timestamptz", int64_t{1510871468000000}), Expected(-2047944441));
  EXPECT_EQ(Bucket("timestamptz", int64_t{1510871468000001}), Expected(-1207196810));
  EXPECT_EQ(Bucket("string", "iceberg"s), Expected(1210000089));
  EXPECT_EQ(Bucket("uuid", "\xf7\x9c\x3e\x09\x67\x7c\x4b\xbd\xa4\x79\x3f\x34\x9c\xb7\x85\xe7"s),
            Expected(1488055340));
  EXPECT_EQ(Bucket("fixed[4]", "\x00\x01\x02\x03"s), Expected(-188683207));
  EXPECT_EQ(Bucket("binary", "\x00\x01\x02\x03"s), Expected(-188683207));
}

TEST(TransformTest, Murmur3OfEveryTailLength) {
  const auto hash = [](std::string_view text) { return static_cast<int32_t>(Murmur3(text)); };
  EXPECT_EQ(hash(""), 0);
  EXPECT_EQ(hash("a"), 1009084850);
  EXPECT_EQ(hash("aa"), 923832745);
  EXPECT_EQ(hash("aaa"), -1261412425);
  EXPECT_EQ(hash("aaaa"), 2129582471);
}

TEST(TransformTest, DatePartsRoundTowardsThePast) {
  EXPECT_EQ(Apply("year", "timestamptz", int64_t{-1}), Literal(int32_t{-1}));
  EXPECT_EQ(Apply("month", "timestamptz", int64_t{-1}), Literal(int32_t{-1}));
  EXPECT_EQ(Apply("day", "timestamptz", int64_t{-1}), Literal(int32_t{-1}));
  EXPECT_EQ(Apply("hour", "timestamptz", int64_t{-1}), Literal(int32_t{-1}));
  EXPECT_EQ(Apply("day", "timestamp", -kDay), Literal(int32_t{-1}));
  EXPECT_EQ(Apply("day", "timestamp", -kDay - 1), Literal(int32_t{-2}));
  EXPECT_EQ(Apply("hour", "timestamp", -kHour), Literal(int32_t{-1}));
  EXPECT_EQ(Apply("year", "date", int32_t{-366}), Literal(int32_t{-2}));
  EXPECT_EQ(Apply("month", "date", int32_t{-32}), Literal(int32_t{-2}));
  EXPECT_EQ(Apply("day", "date", int32_t{-7}), Literal(int32_t{-7}));
}

TEST(TransformTest, DatePartsAfter1970) {
  const int64_t micros = 1510871468000001;  // 2017-11-16T22:31:08.000001
  EXPECT_EQ(Apply("year", "timestamptz", micros), Literal(int32_t{47}));
  EXPECT_EQ(Apply("month", "timestamptz", micros), Literal(int32_t{47 * 12 + 10}));
  EXPECT_EQ(Apply("day", "timestamptz", micros), Literal(int32_t{17486}));
  EXPECT_EQ(Apply("hour", "timestamptz", micros), Literal(int32_t{17486 * 24 + 22}));
}

TEST(TransformTest, HoursBeyond32BitsAreRefused) {
  const auto result = Transform{.kind = Transform::Kind::kHour}.Apply(
      *TimestamptzType(), Literal(std::numeric_limits<int64_t>::max()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
}

TEST(TransformTest, Truncate) {
  EXPECT_EQ(Apply("truncate[10]", "int", int32_t{1}), Literal(int32_t{0}));
  EXPECT_EQ(Apply("truncate[10]", "int", int32_t{-1}), Literal(int32_t{-10}));
  EXPECT_EQ(Apply("truncate[10]", "long", int64_t{-10}), Literal(int64_t{-10}));
  EXPECT_EQ(Apply("truncate[50]", "decimal(9, 2)", static_cast<__int128>(1065)),
            Literal(static_cast<__int128>(1050)));
  EXPECT_EQ(Apply("truncate[3]", "string", "iceberg"s), Literal("ice"s));
  EXPECT_EQ(Apply("truncate[2]", "string", "\xC3\xA9\xC3\xA9\xC3\xA9"s),
            Literal("\xC3\xA9\xC3\xA9"s));
  EXPECT_EQ(Apply("truncate[2]", "binary", "\x01\x02\x03"s), Literal("\x01\x02"s));
  EXPECT_EQ(Apply("truncate[9]", "binary", "\x01"s), Literal("\x01"s));
  EXPECT_EQ(Apply("truncate[10]", "int", std::numeric_limits<int32_t>::min()),
            Literal(int32_t{2147483646}));
}

TEST(TransformTest, IdentityVoidAndNull) {
  EXPECT_EQ(Apply("identity", "double", 2.5), Literal(2.5));
  EXPECT_EQ(Apply("void", "string", "x"s), std::nullopt);
  for (const char* transform : {"identity", "bucket[4]", "truncate[4]", "void"}) {
    EXPECT_EQ(Apply(transform, "string", std::nullopt), std::nullopt) << transform;
  }
}

TEST(TransformTest, NamesSurviveARoundTrip) {
  for (const char* name :
       {"identity", "bucket[16]", "truncate[1]", "year", "month", "day", "hour", "void"}) {
    const auto transform = Transform::Parse(name);
    ASSERT_TRUE(transform) << name;
    EXPECT_EQ(transform->ToString(), name);
  }
  for (const char* name : {"", "bucket", "bucket[]", "bucket[0]", "bucket[-1]", "bucket[1",
                           "day[1]", "Day", "zorder", "truncate[99999999999]", "bucket[1]x"}) {
    const auto transform = Transform::Parse(name);
    ASSERT_FALSE(transform) << name;
    EXPECT_EQ(transform.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(transform.error().message.find("'" + std::string(name) + "'"), std::string::npos);
  }
}

TEST(TransformTest, ResultTypes) {
  const auto result = [](std::string_view transform, std::string_view source) {
    auto type = Transform::Parse(transform).value().ResultType(TypeOf(source));
    return type ? TypeName(**type) : "error";
  };
  EXPECT_EQ(result("identity", "decimal(9, 2)"), "decimal(9, 2)");
  EXPECT_EQ(result("bucket[4]", "uuid"), "int");
  EXPECT_EQ(result("truncate[4]", "long"), "long");
  EXPECT_EQ(result("year", "date"), "int");
  EXPECT_EQ(result("day", "timestamptz"), "date");
  EXPECT_EQ(result("hour", "timestamp"), "int");
  EXPECT_EQ(result("void", "string"), "string");
  EXPECT_EQ(result("bucket[4]", "double"), "error");
  EXPECT_EQ(result("bucket[4]", "boolean"), "error");
  EXPECT_EQ(result("truncate[4]", "uuid"), "error");
  EXPECT_EQ(result("hour", "date"), "error");
  EXPECT_EQ(result("day", "time"), "error");
}

Field MakeField(int32_t id, std::string name, TypePtr type) {
  Field field;
  field.id = id;
  field.name = std::move(name);
  field.type = std::move(type);
  return field;
}

PartitionField PartitionBy(int32_t source_id, int32_t field_id, std::string name,
                           std::string_view transform) {
  return {.source_id = source_id,
          .field_id = field_id,
          .name = std::move(name),
          .transform = Transform::Parse(transform).value()};
}

TEST(PartitionTest, PathsAreUrlEncoded) {
  Schema schema;
  schema.fields = {MakeField(1, "ts", TimestamptzType()), MakeField(2, "kind", StringType())};
  PartitionSpec spec;
  spec.fields = {
      PartitionBy(1, 1000, "ts_day", "day"),     PartitionBy(1, 1001, "ts_hour", "hour"),
      PartitionBy(1, 1002, "ts_month", "month"), PartitionBy(1, 1003, "ts_year", "year"),
      PartitionBy(2, 1004, "a b", "identity"),   PartitionBy(2, 1005, "none", "identity")};
  const TypePtr type = PartitionType(schema, spec).value();
  ASSERT_EQ(type->fields.size(), 6U);
  EXPECT_EQ(type->fields[0].id, 1000);
  EXPECT_EQ(TypeName(*type->fields[0].type), "date");
  EXPECT_EQ(PartitionPath(spec, *type,
                          {Literal(int32_t{16436}), Literal(int32_t{-1}), Literal(int32_t{-1}),
                           Literal(int32_t{45}), Literal("a/b=\xC3\xA9 ."s), std::nullopt}),
            "ts_day=2015-01-01/ts_hour=1969-12-31-23/ts_month=1969-12/ts_year=2015/"
            "a+b=a%2Fb%3D%C3%A9+./none=null");
  EXPECT_EQ(PartitionPath(PartitionSpec{}, *type, {}), "");
}

TEST(PartitionTest, TypeNamesTheFieldThatDoesNotFit) {
  Schema schema;
  schema.fields = {MakeField(1, "flag", BooleanType())};
  PartitionSpec spec;
  spec.fields = {PartitionBy(1, 1000, "flag_bucket", "bucket[4]")};
  const auto misfit = PartitionType(schema, spec);
  ASSERT_FALSE(misfit);
  EXPECT_NE(misfit.error().message.find("flag_bucket"), std::string::npos);
  spec.fields = {PartitionBy(9, 1000, "gone", "identity")};
  EXPECT_FALSE(PartitionType(schema, spec));
  spec.fields = {PartitionBy(9, 1000, "gone", "void")};
  EXPECT_TRUE(PartitionType(schema, spec));
}

}  // namespace
}  // namespace octolake::iceberg
