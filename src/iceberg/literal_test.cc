#include "iceberg/literal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string_view>

#include "iceberg/literal_parse.h"
#include "iceberg/utf8.h"

namespace octolake::iceberg {
namespace {

using std::string_literals::operator""s;

TypePtr TypeOf(std::string_view name) { return ParsePrimitiveType(name).value(); }

std::string Encode(std::string_view type, const Literal& value) {
  auto bytes = EncodeLiteral(*TypeOf(type), value);
  EXPECT_TRUE(bytes) << type;
  return bytes.value_or("<error>");
}

TEST(LiteralTest, EncodesAsAppendixDSays) {
  EXPECT_EQ(Encode("boolean", true), "\x01"s);
  EXPECT_EQ(Encode("boolean", false), "\x00"s);
  EXPECT_EQ(Encode("int", int32_t{-2}), "\xFE\xFF\xFF\xFF"s);
  EXPECT_EQ(Encode("date", int32_t{16436}), "\x34\x40\x00\x00"s);  // 2015-01-01
  EXPECT_EQ(Encode("long", int64_t{1}), "\x01\x00\x00\x00\x00\x00\x00\x00"s);
  EXPECT_EQ(Encode("timestamptz", int64_t{-1}), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s);
  EXPECT_EQ(Encode("float", 1.0F), "\x00\x00\x80\x3F"s);
  EXPECT_EQ(Encode("double", -2.0), "\x00\x00\x00\x00\x00\x00\x00\xC0"s);
  EXPECT_EQ(Encode("string", "\xC3\xA9"s), "\xC3\xA9"s);
  EXPECT_EQ(Encode("binary", "\x00\xFF"s), "\x00\xFF"s);
  EXPECT_EQ(Encode("fixed[3]", "abc"s), "abc");
  EXPECT_EQ(Encode("uuid", "0123456789abcdef"s), "0123456789abcdef");
}

TEST(LiteralTest, EncodesDecimalsInTheFewestBytes) {
  const auto decimal = [](__int128 unscaled) { return Encode("decimal(38, 2)", unscaled); };
  EXPECT_EQ(decimal(0), "\x00"s);
  EXPECT_EQ(decimal(1), "\x01"s);
  EXPECT_EQ(decimal(-1), "\xFF"s);
  EXPECT_EQ(decimal(127), "\x7F"s);
  EXPECT_EQ(decimal(128), "\x00\x80"s);
  EXPECT_EQ(decimal(-128), "\x80"s);
  EXPECT_EQ(decimal(-129), "\xFF\x7F"s);
  EXPECT_EQ(decimal(1420), "\x05\x8C"s);
  EXPECT_EQ(decimal(-256), "\xFF\x00"s);
  EXPECT_EQ(decimal(static_cast<__int128>(1) << 64), "\x01\x00\x00\x00\x00\x00\x00\x00\x00"s);
}

TEST(LiteralTest, DecodesDecimalsThatWerePadded) {
  EXPECT_EQ(DecodeLiteral(*TypeOf("decimal(9, 2)"), "\xFF\xFF\xFF\x7F"s).value(),
            Literal(static_cast<__int128>(-129)));
  EXPECT_FALSE(DecodeLiteral(*TypeOf("decimal(9, 2)"), ""));
  EXPECT_FALSE(DecodeLiteral(*TypeOf("decimal(9, 2)"), std::string(17, '\0')));
  const auto too_large = DecodeLiteral(*TypeOf("decimal(2, 0)"), "\x64"s);  // 100
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().kind, ErrorKind::kCorruption);
}

TEST(LiteralTest, DecodesBoundsFromBeforeAColumnWasWidened) {
  EXPECT_EQ(DecodeLiteral(*LongType(), "\xFE\xFF\xFF\xFF"s).value(), Literal(int64_t{-2}));
  EXPECT_EQ(DecodeLiteral(*DoubleType(), "\x00\x00\x80\x3F"s).value(), Literal(1.0));
}

TEST(LiteralTest, RefusesBytesOfAnotherLength) {
  for (const char* type : {"boolean", "int", "long", "float", "double", "date", "time", "timestamp",
                           "timestamptz", "uuid", "fixed[4]"}) {
    const auto value = DecodeLiteral(*TypeOf(type), "12345");
    ASSERT_FALSE(value) << type;
    EXPECT_EQ(value.error().kind, ErrorKind::kCorruption);
    EXPECT_NE(value.error().message.find(type), std::string::npos);
  }
}

TEST(LiteralTest, RefusesValuesOfAnotherType) {
  for (const char* type : {"boolean", "int", "long", "float", "decimal(9, 2)", "string"}) {
    const auto bytes = EncodeLiteral(*TypeOf(type), Literal(2.5));
    ASSERT_FALSE(bytes) << type;
    EXPECT_EQ(bytes.error().kind, ErrorKind::kInvalidArgument);
  }
  EXPECT_FALSE(EncodeLiteral(*TypeOf("uuid"), Literal("short"s)));
  EXPECT_FALSE(EncodeLiteral(*TypeOf("fixed[2]"), Literal("abc"s)));
  EXPECT_FALSE(EncodeLiteral(*TypeOf("decimal(2, 0)"), Literal(static_cast<__int128>(100))));
}

Literal RandomLiteral(const Type& type, std::mt19937_64& random) {
  // Few bits now and then, so that equal values and short forms are met.
  const uint64_t bits = random() >> (random() % 64);
  const auto number = static_cast<int64_t>(random() % 2 == 0 ? bits : ~bits);
  switch (type.id) {
    case TypeId::kBoolean:
      return bits % 2 == 0;
    case TypeId::kInt:
    case TypeId::kDate:
      return static_cast<int32_t>(number);
    case TypeId::kFloat:
      return static_cast<float>(number) / 8;
    case TypeId::kDouble:
      return static_cast<double>(number) / 8;
    case TypeId::kDecimal:
      return static_cast<__int128>(number) * static_cast<int64_t>(random() >> 32);
    case TypeId::kString:
    case TypeId::kBinary: {
      std::string text(random() % 6, '\0');
      for (char& c : text) c = static_cast<char>(random() % 128);
      return text;
    }
    default:
      return number;
  }
}

TEST(LiteralTest, EveryValueSurvivesEncodingAndOrderIsTotal) {
  std::mt19937_64 random(7);
  for (const char* name : {"boolean", "int", "date", "long", "time", "timestamp", "timestamptz",
                           "float", "double", "decimal(38, 4)", "string", "binary"}) {
    const TypePtr type = TypeOf(name);
    std::vector<Literal> values;
    for (int i = 0; i < 300; ++i) {
      values.push_back(RandomLiteral(*type, random));
      const std::string bytes = Encode(name, values.back());
      ASSERT_EQ(DecodeLiteral(*type, bytes).value(), values.back()) << name;
    }
    std::sort(values.begin(), values.end(),
              [](const Literal& a, const Literal& b) { return CompareLiterals(a, b) < 0; });
    for (size_t i = 1; i < values.size(); ++i) {
      const auto order = CompareLiterals(values[i - 1], values[i]);
      ASSERT_TRUE(order <= 0) << name;
      ASSERT_EQ(order == 0, values[i - 1] == values[i]) << name;
      ASSERT_TRUE(CompareLiterals(values[0], values[i]) <= 0) << name;
    }
  }
}

TEST(LiteralTest, FloatsAreOrderedWithNaNOutside) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> ordered = {-nan, -inf, -1.5, -0.0, 0.0, 1.5, inf, nan};
  for (size_t i = 1; i < ordered.size(); ++i) {
    EXPECT_TRUE(CompareLiterals(ordered[i - 1], ordered[i]) < 0) << i;
    EXPECT_TRUE(CompareLiterals(ordered[i], ordered[i - 1]) > 0) << i;
  }
  EXPECT_TRUE(CompareLiterals(nan, nan) == 0);
}

TEST(LiteralTest, StringsAreOrderedByBytes) {
  EXPECT_TRUE(CompareLiterals("z"s, "\xC3\xA9"s) < 0);
  EXPECT_TRUE(CompareLiterals("a"s, "a\0"s) < 0);
  // By UTF-16 units it would be the other way round.
  EXPECT_TRUE(CompareLiterals("\xEF\xBF\xBD"s, "\xF0\x9F\x98\x80"s) < 0);
}

TEST(LiteralTest, TextsAreReadBack) {
  const auto text = [](std::string_view type, const Literal& value) {
    std::string written = LiteralText(*TypeOf(type), value);
    const auto parsed = ParseLiteral(*TypeOf(type), written);
    EXPECT_TRUE(parsed && *parsed == value) << type << " " << written;
    return written;
  };
  EXPECT_EQ(text("boolean", true), "true");
  EXPECT_EQ(text("int", int32_t{-5}), "-5");
  EXPECT_EQ(text("date", int32_t{16436}), "2015-01-01");
  EXPECT_EQ(text("date", int32_t{-1}), "1969-12-31");
  EXPECT_EQ(text("time", int64_t{81068000001}), "22:31:08.000001");
  EXPECT_EQ(text("timestamp", int64_t{1510871468000000}), "2017-11-16T22:31:08");
  EXPECT_EQ(text("timestamptz", int64_t{1510871468500000}), "2017-11-16T22:31:08.5+00:00");
  EXPECT_EQ(text("timestamptz", int64_t{-1}), "1969-12-31T23:59:59.999999+00:00");
  EXPECT_EQ(text("decimal(9, 2)", static_cast<__int128>(1420)), "14.20");
  EXPECT_EQ(text("decimal(9, 2)", static_cast<__int128>(-5)), "-0.05");
  EXPECT_EQ(text("decimal(9, 0)", static_cast<__int128>(0)), "0");
  EXPECT_EQ(text("double", 0.1), "0.1");
  EXPECT_EQ(text("binary", "\x00\xFF"s), "00ff");
  EXPECT_EQ(text("uuid", "\xf7\x9c\x3e\x09\x67\x7c\x4b\xbd\xa4\x79\x3f\x34\x9c\xb7\x85\xe7"s),
            "f79c3e09-677c-4bbd-a479-3f349cb785e7");
}

TEST(TruncateTest, CutsAtCharacters) {
  EXPECT_EQ(TruncateLower("caf\xC3\xA9s", 4), "caf\xC3\xA9");
  EXPECT_EQ(TruncateLower("caf\xC3\xA9", 4), "caf\xC3\xA9");
  EXPECT_EQ(TruncateLower("", 4), "");
  EXPECT_EQ(TruncateLower("\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 1), "\xF0\x9F\x98\x80");
}

TEST(TruncateTest, UpperIsTheNextStringOfItsLength) {
  EXPECT_EQ(TruncateUpper("abc", 3), "abc");
  EXPECT_EQ(TruncateUpper("abcd", 3), "abd");
  EXPECT_EQ(TruncateUpper("a\x7F"
                          "b",
                          2),
            "a\xC2\x80");
  EXPECT_EQ(TruncateUpper("\xED\x9F\xBFx", 1), "\xEE\x80\x80");  // U+D7FF: no surrogates
  EXPECT_EQ(TruncateUpper("\xEF\xBF\xBFx", 1), "\xF0\x90\x80\x80");
  EXPECT_EQ(TruncateUpper("a\xF4\x8F\xBF\xBFx", 2), "b");  // U+10FFFF is the last
  EXPECT_EQ(TruncateUpper("\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBFx", 2), std::nullopt);
  EXPECT_EQ(TruncateUpper("\xFF\xFFx", 2), std::nullopt);  // not UTF-8
}

TEST(TruncateTest, EveryStringLiesBetweenItsBounds) {
  std::mt19937_64 random(11);
  constexpr uint32_t kInteresting[] = {0x0,    0x61,   0x7F,   0x80,    0x7FF,   0x800,
                                       0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF};
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    const auto count = random() % 6;
    for (uint64_t j = 0; j < count; ++j) {
      AppendCodePoint(kInteresting[random() % std::size(kInteresting)], text);
    }
    const std::string lower = TruncateLower(text, 3);
    EXPECT_LE(lower.compare(text), 0);
    EXPECT_LE(PrefixLength(lower, 3), lower.size());
    const auto upper = TruncateUpper(text, 3);
    if (upper) {
      EXPECT_GE(upper->compare(text), 0);
      EXPECT_EQ(PrefixLength(*upper, 3), upper->size());
    } else {
      EXPECT_TRUE(text.starts_with("\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF"));
    }
  }
}

}  // namespace
}  // namespace octolake::iceberg
