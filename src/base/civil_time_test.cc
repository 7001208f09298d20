#include "base/civil_time.h"

#include <gtest/gtest.h>

#include <limits>

namespace octolake {
namespace {

TEST(CivilTimeTest, KnownDays) {
  EXPECT_EQ(DaysFromCivil({1970, 1, 1}), 0);
  EXPECT_EQ(DaysFromCivil({1969, 12, 31}), -1);
  EXPECT_EQ(DaysFromCivil({2000, 2, 29}), 11'016);
  EXPECT_EQ(DaysFromCivil({2015, 1, 1}), 16'436);
  EXPECT_EQ(DaysFromCivil({1, 1, 1}), -719'162);
  EXPECT_EQ(CivilFromDays(16'436), (CivilDate{2015, 1, 1}));
  EXPECT_EQ(CivilFromDays(-1), (CivilDate{1969, 12, 31}));
}

TEST(CivilTimeTest, EveryDayOfTwoThousandYearsFollowsTheOneBefore) {
  CivilDate expected{100, 1, 1};
  for (int64_t day = DaysFromCivil(expected); expected.year < 2100; ++day) {
    ASSERT_EQ(CivilFromDays(day), expected) << day;
    ASSERT_EQ(DaysFromCivil(expected), day);
    if (IsValidDate(expected.year, expected.month, expected.day + 1)) {
      ++expected.day;
    } else if (expected.month < 12) {
      ++expected.month;
      expected.day = 1;
    } else {
      expected = {expected.year + 1, 1, 1};
    }
  }
}

TEST(CivilTimeTest, TransformsRoundTowardsThePast) {
  EXPECT_EQ(DaysOfMicros(-1), -1);
  EXPECT_EQ(HoursOfMicros(-1), -1);
  EXPECT_EQ(MonthsOfMicros(-1), -1);
  EXPECT_EQ(YearsOfMicros(-1), -1);
  EXPECT_EQ(DaysOfMicros(0), 0);
  EXPECT_EQ(DaysOfMicros(-kMicrosPerDay), -1);
  EXPECT_EQ(DaysOfMicros(-kMicrosPerDay - 1), -2);
  EXPECT_EQ(HoursOfMicros(kMicrosPerHour - 1), 0);
  // 2017-11-16T22:31:08, an example of the Iceberg specification's bucket and date transforms.
  const int64_t micros = ParseTimestamp("2017-11-16T22:31:08Z").value();
  EXPECT_EQ(YearsOfMicros(micros), 47);
  EXPECT_EQ(MonthsOfMicros(micros), 574);
  EXPECT_EQ(DaysOfMicros(micros), 17'486);
  EXPECT_EQ(HoursOfMicros(micros), 419'686);
}

TEST(CivilTimeTest, FormatsTimes) {
  EXPECT_EQ(FormatTimestamp(1'420'070'400'000'000), "2015-01-01T00:00:00Z");
  EXPECT_EQ(FormatTimestamp(1'420'070'400'500'000), "2015-01-01T00:00:00.5Z");
  EXPECT_EQ(FormatTimestamp(1'420'070'400'000'001), "2015-01-01T00:00:00.000001Z");
  EXPECT_EQ(FormatTimestamp(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatDate(16'436), "2015-01-01");
  EXPECT_EQ(FormatDate(DaysFromCivil({12345, 6, 7})), "+12345-06-07");
  EXPECT_EQ(FormatDate(DaysFromCivil({-5, 6, 7})), "-0005-06-07");
}

TEST(CivilTimeTest, SurvivesTheEndsOfTheRange) {
  EXPECT_EQ(FormatTimestamp(std::numeric_limits<int64_t>::max()), "+294247-01-10T04:00:54.775807Z");
  EXPECT_EQ(FormatTimestamp(std::numeric_limits<int64_t>::min()), "-290308-12-21T19:59:05.224192Z");
}

TEST(CivilTimeTest, ParsesTimes) {
  const int64_t day = 1'420'070'400'000'000;
  EXPECT_EQ(ParseTimestamp("2015-01-01").value(), day);
  EXPECT_EQ(ParseTimestamp("2015-01-01T00:00:00Z").value(), day);
  EXPECT_EQ(ParseTimestamp("2015-01-01 00:00:00").value(), day);
  EXPECT_EQ(ParseTimestamp("2014-12-31T16:00:00-08:00").value(), day);
  EXPECT_EQ(ParseTimestamp("2015-01-01T05:45:00+0545").value(), day);
  EXPECT_EQ(ParseTimestamp("2015-01-01T00:00:00.1234567Z").value(), day + 123'456);
  EXPECT_EQ(ParseDate("2015-01-01").value(), 16'436);
}

TEST(CivilTimeTest, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2015", "2015-1-1", "2015-02-29", "2015-13-01", "2015-01-00", "2015-01-01T",
        "2015-01-01T24:00:00Z", "2015-01-01T00:60:00Z", "2015-01-01T00:00:60Z",
        "2015-01-01T00:00:00.Z", "2015-01-01T00:00:00ZZ", "2015-01-01T00:00:00+1", "x"}) {
    EXPECT_FALSE(ParseTimestamp(text)) << text;
  }
  EXPECT_FALSE(ParseDate("2015-01-01T00:00:00Z"));
  EXPECT_EQ(ParseDate("today").error().message,
            "not a date (expected for example 2015-01-01): 'today'");
}

}  // namespace
}  // namespace octolake
