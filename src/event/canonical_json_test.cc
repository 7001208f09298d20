#include "event/canonical_json.h"

#include <gtest/gtest.h>

namespace octolake::event {
namespace {

TEST(CanonicalJsonTest, ExampleOfRfc8785) {
  // Section 3.2.2, input and result.
  const std::string input = R"({
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  })";
  EXPECT_EQ(*CanonicalJson(input),
            R"({"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],)"
            "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(CanonicalJsonTest, KeysInTheOrderOfUtf16) {
  // Section 3.2.3: carriage return, 1, U+0080, ö, €, 😀, U+FB33.
  const std::string input =
      R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7})";
  EXPECT_EQ(*CanonicalJson(input),
            "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,"
            "\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}");
  EXPECT_EQ(*CanonicalJson(R"({"ab":1,"a":2,"\ud83d\ude01":3,"\ud83d\ude00":4,"":5})"),
            "{\"\":5,\"a\":2,\"ab\":1,\"\xf0\x9f\x98\x80\":4,\"\xf0\x9f\x98\x81\":3}");
}

TEST(CanonicalJsonTest, Numbers) {
  const struct {
    const char* literal;
    const char* canonical;
  } cases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"-0.0e5", "0"},
      {"1", "1"},
      {"-1.50", "-1.5"},
      {"100", "100"},
      {"1e2", "100"},
      {"123456789012345680000", "123456789012345680000"},
      {"1e20", "100000000000000000000"},
      {"1e21", "1e+21"},
      {"1.5e300", "1.5e+300"},
      {"0.000001", "0.000001"},
      {"0.0000001", "1e-7"},
      {"1.25E-10", "1.25e-10"},
      {"0.1", "0.1"},
      {"0.10000000000000000555", "0.1"},
      {"9007199254740992", "9007199254740992"},
      {"5e-324", "5e-324"},
      {"1.7976931348623157e308", "1.7976931348623157e+308"},
      // Where RFC 8785 would merge or refuse, the digits stay.
      {"9007199254740993", "9007199254740993"},
      {"18446744073709551615", "18446744073709551615"},
      {"12345678901234567890123", "1.2345678901234567890123e+22"},
      {"1.2345678901234567890123e+22", "1.2345678901234567890123e+22"},
      {"1e400", "1e+400"},
      {"1e-400", "1e-400"},
      // As far as exponents are told apart.
      {"1e99999999999999999999999", "1e+576460752303423488"},
      {"-0.5E-99999999999999999999999", "-5e-576460752303423489"},
  };
  for (const auto& c : cases) EXPECT_EQ(CanonicalNumber(c.literal), c.canonical) << c.literal;
}

TEST(CanonicalJsonTest, RepeatedKeysAndLoneSurrogatesStay) {
  EXPECT_EQ(*CanonicalJson(R"({"b":1,"a":2,"a":1})"), R"({"a":2,"a":1,"b":1})");
  EXPECT_EQ(*CanonicalJson(R"(["\uD800","\udc00x"])"), R"(["\ud800","\udc00x"])");
}

TEST(CanonicalJsonTest, RefusesWhatIsNotOneText) {
  for (const char* text : {"", " ", "{", "{}{}", "1 2", "nul", "[1,]", "\"a"}) {
    const Result<std::string> canonical = CanonicalJson(text);
    ASSERT_FALSE(canonical) << text;
    EXPECT_EQ(canonical.error().kind, ErrorKind::kInvalidArgument);
  }
  EXPECT_EQ(*CanonicalJson(" 1 "), "1");
}

}  // namespace
}  // namespace octolake::event
