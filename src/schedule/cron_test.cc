#include "schedule/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/civil_time.h"

namespace octolake::schedule {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;

int64_t Minutes(std::string text) {
  if (text.size() == 16) text += ":00";
  return ParseTimestamp(text).value() / kMicrosPerMinute;
}

// The next due times from a moment on, without seconds and zone.
std::vector<std::string> Due(const char* expression, const char* from, int count) {
  const CronExpression cron = CronExpression::Parse(expression).value();
  std::vector<std::string> due;
  int64_t minute = Minutes(from) - 1;
  for (int i = 0; i < count; ++i) {
    minute = cron.FirstIn(minute + 1, Minutes("2500-01-01")).value();
    due.push_back(FormatTimestamp(minute * kMicrosPerMinute).substr(0, 16));
  }
  return due;
}

std::string ErrorOf(const char* expression) {
  const auto cron = CronExpression::Parse(expression);
  if (cron) return "none";
  EXPECT_EQ(cron.error().kind, ErrorKind::kInvalidArgument);
  return cron.error().message;
}

TEST(Cron, ListsRangesAndSteps) {
  EXPECT_THAT(
      Due("5,10-12,50-59/4 3 * * *", "2025-01-01", 8),
      ElementsAre("2025-01-01T03:05", "2025-01-01T03:10", "2025-01-01T03:11", "2025-01-01T03:12",
                  "2025-01-01T03:50", "2025-01-01T03:54", "2025-01-01T03:58", "2025-01-02T03:05"));
  EXPECT_THAT(Due("*/25 */11 * * *", "2025-01-01T00:01", 5),
              ElementsAre("2025-01-01T00:25", "2025-01-01T00:50", "2025-01-01T11:00",
                          "2025-01-01T11:25", "2025-01-01T11:50"));
  EXPECT_THAT(Due("59 23 31 12 *", "2025-12-31T23:59", 2),
              ElementsAre("2025-12-31T23:59", "2026-12-31T23:59"));
}

TEST(Cron, NamesInAnyCase) {
  EXPECT_THAT(
      Due("0 0 1 jan,Mar-MAY *", "2025-01-01T00:01", 4),
      ElementsAre("2025-03-01T00:00", "2025-04-01T00:00", "2025-05-01T00:00", "2026-01-01T00:00"));
  // 2025-01-06 was a Monday.
  EXPECT_THAT(
      Due("0 0 * * mon-wed", "2025-01-06", 4),
      ElementsAre("2025-01-06T00:00", "2025-01-07T00:00", "2025-01-08T00:00", "2025-01-13T00:00"));
}

TEST(Cron, SundayIsZeroAndSeven) {
  for (const char* expression : {"0 0 * * 0", "0 0 * * 7", "0 0 * * SUN"}) {
    EXPECT_THAT(Due(expression, "2025-01-01", 2),
                ElementsAre("2025-01-05T00:00", "2025-01-12T00:00"))
        << expression;
  }
  for (const char* expression : {"0 0 * * 6-7", "0 0 * * SAT-SUN", "0 0 * * 0,6"}) {
    EXPECT_THAT(Due(expression, "2025-01-01", 3),
                ElementsAre("2025-01-04T00:00", "2025-01-05T00:00", "2025-01-11T00:00"))
        << expression;
  }
}

TEST(Cron, EitherDayFieldSufficesIfBothAreRestricted) {
  EXPECT_THAT(
      Due("0 0 13 * FRI", "2025-06-01", 4),
      ElementsAre("2025-06-06T00:00", "2025-06-13T00:00", "2025-06-20T00:00", "2025-06-27T00:00"));
  EXPECT_THAT(Due("0 0 15 * FRI", "2025-06-13", 3),
              ElementsAre("2025-06-13T00:00", "2025-06-15T00:00", "2025-06-20T00:00"));
  // Steps over all days restrict nothing by themselves: both must hold.
  EXPECT_THAT(Due("0 0 */10 * FRI", "2025-06-01", 3),
              ElementsAre("2025-07-11T00:00", "2025-08-01T00:00", "2025-10-31T00:00"));
}

TEST(Cron, LeapDays) {
  EXPECT_THAT(Due("0 0 29 2 *", "2025-01-01", 2),
              ElementsAre("2028-02-29T00:00", "2032-02-29T00:00"));
  EXPECT_THAT(Due("0 0 29 2 *", "2096-03-01", 1), ElementsAre("2104-02-29T00:00"));
  // A February 29 that is a Sunday.
  EXPECT_THAT(Due("0 0 29 2 */7", "2025-01-01", 2),
              ElementsAre("2032-02-29T00:00", "2060-02-29T00:00"));
  EXPECT_THAT(Due("0 0 31 * *", "2025-01-31T00:01", 2),
              ElementsAre("2025-03-31T00:00", "2025-05-31T00:00"));
}

TEST(Cron, Macros) {
  EXPECT_THAT(Due("@hourly", "2025-01-01T00:01", 1), ElementsAre("2025-01-01T01:00"));
  EXPECT_THAT(Due("@daily", "2025-01-01T00:01", 1), ElementsAre("2025-01-02T00:00"));
  EXPECT_THAT(Due("@midnight", "2025-01-01T00:01", 1), ElementsAre("2025-01-02T00:00"));
  EXPECT_THAT(Due(" @Weekly ", "2025-01-01T00:01", 1), ElementsAre("2025-01-05T00:00"));
  EXPECT_THAT(Due("@monthly", "2025-01-01T00:01", 1), ElementsAre("2025-02-01T00:00"));
  EXPECT_THAT(Due("@yearly", "2025-01-01T00:01", 1), ElementsAre("2026-01-01T00:00"));
  EXPECT_THAT(Due("@annually", "2025-01-01T00:01", 1), ElementsAre("2026-01-01T00:00"));
  EXPECT_THAT(ErrorOf("@dayly"), HasSubstr("did you mean '@daily'?"));
}

TEST(Cron, BeforeTheEpoch) {
  EXPECT_THAT(Due("30 6 * * THU", "1969-12-20", 2),
              ElementsAre("1969-12-25T06:30", "1970-01-01T06:30"));
}

TEST(Cron, TheEndIsNotPartOfTheSearch) {
  const CronExpression cron = CronExpression::Parse("0 5 * * *").value();
  const int64_t due = Minutes("2025-01-01T05:00");
  EXPECT_EQ(cron.FirstIn(due, due), std::nullopt);
  EXPECT_EQ(cron.FirstIn(due, due + 1), due);
  EXPECT_EQ(cron.FirstIn(due + 1, due + 1440), std::nullopt);
}

TEST(Cron, ErrorsNameTheFieldAndWhatWasExpected) {
  EXPECT_THAT(ErrorOf("60 * * * *"), AllOf(HasSubstr("minute: expected 0-59"), HasSubstr("'60'")));
  EXPECT_THAT(ErrorOf("* 24 * * *"), HasSubstr("hour: expected 0-23"));
  EXPECT_THAT(ErrorOf("* * 0 * *"), HasSubstr("day of month: expected 1-31"));
  EXPECT_THAT(ErrorOf("* * * foo *"), HasSubstr("month: expected 1-12 or JAN-DEC"));
  EXPECT_THAT(ErrorOf("* * * * 8"), HasSubstr("day of week: expected 0-7 or SUN-SAT"));
  EXPECT_THAT(ErrorOf("1,,2 * * * *"), HasSubstr("minute: expected"));
  EXPECT_THAT(ErrorOf("5-1 * * * *"), HasSubstr("whose end comes before its start"));
  EXPECT_THAT(ErrorOf("*/0 * * * *"), HasSubstr("whose step is not 1-59"));
  EXPECT_THAT(ErrorOf("*/60 * * * *"), HasSubstr("whose step is not 1-59"));
  EXPECT_THAT(ErrorOf("5/10 * * * *"), HasSubstr("a step goes with * or a range"));
  for (const char* field : {"-1", "+1", "1-", "-", "*-5", "*5", "1-2-3", "1/2/3", "0x1", "1.5", "?",
                            "L", "99999999999", "*/", "*/-1", ","}) {
    EXPECT_THAT(ErrorOf((std::string(field) + " * * * *").c_str()), HasSubstr("minute")) << field;
  }
}

TEST(Cron, TheNumberOfFieldsMatters) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("found 0"));
  EXPECT_THAT(ErrorOf("* * * *"), HasSubstr("found 4"));
  EXPECT_THAT(ErrorOf("0 * * * * *"), AllOf(HasSubstr("found 6"), HasSubstr("every 10s")));
  EXPECT_THAT(ErrorOf(std::string(2000, '*').c_str()), HasSubstr("at most"));
}

TEST(Cron, WhatNeverComesIsAnError) {
  for (const char* expression : {"0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 FEB *"}) {
    EXPECT_THAT(ErrorOf(expression), HasSubstr("would never run")) << expression;
  }
  EXPECT_EQ(ErrorOf("0 0 31 4,5 *"), "none");
  EXPECT_EQ(ErrorOf("0 0 30 2 MON"), "none");  // on Mondays in February
}

}  // namespace
}  // namespace octolake::schedule
