#include "base/units.h"

#include <gtest/gtest.h>

#include <limits>

namespace octolake {
namespace {

TEST(UnitsTest, Durations) {
  EXPECT_EQ(ParseDuration("30s").value(), 30'000'000);
  EXPECT_EQ(ParseDuration("500ms").value(), 500'000);
  EXPECT_EQ(ParseDuration("7us").value(), 7);
  EXPECT_EQ(ParseDuration("0.5s").value(), 500'000);
  EXPECT_EQ(ParseDuration("1h").value(), 3'600'000'000);
  EXPECT_EQ(ParseDuration("1h30m").value(), 5'400'000'000);
  EXPECT_EQ(ParseDuration(" 1 h 30 m ").value(), 5'400'000'000);
  EXPECT_EQ(ParseDuration("7d").value(), 604'800'000'000);
  EXPECT_EQ(ParseDuration("1w").value(), 604'800'000'000);
  EXPECT_EQ(ParseDuration("0").value(), 0);
}

TEST(UnitsTest, RefusesOtherDurations) {
  for (const char* text :
       {"", " ", "s", "30", "30x", "-1s", "1.5.2s", "0.5us", "1S", "30s!", "9223372036854775808us",
        "99999999999999d", "1e3s", "00000000000000000000001s"}) {
    const auto result = ParseDuration(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
  }
  EXPECT_EQ(ParseDuration("30").error().message,
            "'30' is not a duration: expected a number with a unit (us, ms, s, m, h, d, w), for "
            "example 30s or 1h30m");
  EXPECT_EQ(ParseDuration("9223372036854775807us").value(), std::numeric_limits<int64_t>::max());
  EXPECT_FALSE(ParseDuration("9223372036854775807us1us"));
}

TEST(UnitsTest, Sizes) {
  EXPECT_EQ(ParseSize("20MB").value(), 20'000'000);
  EXPECT_EQ(ParseSize("64KiB").value(), 65'536);
  EXPECT_EQ(ParseSize("1.5 gb").value(), 1'500'000'000);
  EXPECT_EQ(ParseSize("1TiB").value(), int64_t{1} << 40);
  EXPECT_EQ(ParseSize("1048576").value(), 1'048'576);
  EXPECT_EQ(ParseSize("0").value(), 0);
  for (const char* text : {"", "MB", "20M", "-1B", "0.5B", "20MB20MB", "9999999TB", "1 2"}) {
    EXPECT_FALSE(ParseSize(text)) << text;
  }
}

TEST(UnitsTest, WhatIsPrintedIsReadBack) {
  EXPECT_EQ(FormatDuration(90'000'000), "90s");
  EXPECT_EQ(FormatDuration(3'600'000'000), "1h");
  EXPECT_EQ(FormatDuration(604'800'000'000), "7d");
  EXPECT_EQ(FormatDuration(0), "0s");
  EXPECT_EQ(FormatSize(20'000'000), "20MB");
  EXPECT_EQ(FormatSize(65'536), "64KiB");
  EXPECT_EQ(FormatSize(1001), "1001B");
  for (const int64_t value : {0L, 1L, 999L, 1000L, 1024L, 1'500'000L, 86'400'000'000L,
                              std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(ParseDuration(FormatDuration(value)).value(), value);
    EXPECT_EQ(ParseSize(FormatSize(value)).value(), value);
  }
}

TEST(UnitsTest, SizesForPeople) {
  EXPECT_EQ(HumanSize(0), "0 B");
  EXPECT_EQ(HumanSize(999), "999 B");
  EXPECT_EQ(HumanSize(1000), "1.00 kB");
  EXPECT_EQ(HumanSize(17'800'000), "17.8 MB");
  EXPECT_EQ(HumanSize(999'600), "1.00 MB");
  EXPECT_EQ(HumanSize(123'456'789'012), "123 GB");
}

}  // namespace
}  // namespace octolake
