#include "schedule/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/civil_time.h"

namespace octolake::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The next due times after a moment, as clocks in the zone show them, with the offset.
std::vector<std::string> Due(const char* text, const char* zone_name, const char* after,
                             int count) {
  const TimeZone zone = TimeZone::Load(zone_name).value();
  const Schedule schedule = Schedule::Parse(text, zone).value();
  std::vector<std::string> due;
  TimestampMicros time = ParseTimestamp(after).value();
  for (int i = 0; i < count; ++i) {
    time = schedule.Next(time).value();
    const int64_t offset = zone.OffsetAt(time / kMicrosPerSecond);
    const std::string local = FormatTimestamp(time + offset * kMicrosPerSecond);
    due.push_back(local.substr(5, 11) + (offset < 0 ? "" : "+") + std::to_string(offset / 60));
  }
  return due;
}

TEST(Schedule, IntervalsAreMultiplesSinceTheEpoch) {
  EXPECT_THAT(Due("every 30s", "UTC", "2025-01-01T00:00:00Z", 3),
              ElementsAre("01-01T00:00+0", "01-01T00:01+0", "01-01T00:01+0"));
  const Schedule schedule = Schedule::Parse("  every 5m ").value();
  EXPECT_EQ(schedule.text(), "every 5m");
  EXPECT_EQ(schedule.Next(0), 300'000'000);
  EXPECT_EQ(schedule.Next(299'999'999), 300'000'000);
  EXPECT_EQ(schedule.Next(300'000'000), 600'000'000);
  EXPECT_EQ(schedule.Next(-1), 0);
}

TEST(Schedule, CronIsDueAfterTheMomentOnly) {
  const Schedule schedule = Schedule::Parse("0 * * * *").value();
  EXPECT_EQ(schedule.Next(0), kMicrosPerHour);
  EXPECT_EQ(schedule.Next(kMicrosPerHour - 1), kMicrosPerHour);
  EXPECT_EQ(schedule.Next(kMicrosPerHour), 2 * kMicrosPerHour);
  EXPECT_EQ(schedule.Next(-1), 0);
}

TEST(Schedule, WhatClocksSkipIsDueRightAfter) {
  EXPECT_THAT(Due("30 2 * * *", "Europe/Berlin", "2025-03-29T00:00:00Z", 3),
              ElementsAre("03-29T02:30+60", "03-30T03:00+120", "03-31T02:30+120"));
  EXPECT_THAT(Due("30 2 * * *", "America/New_York", "2025-03-08T12:00:00Z", 2),
              ElementsAre("03-09T03:00-240", "03-10T02:30-240"));
  // Once, also where it coincides with another due time.
  EXPECT_THAT(
      Due("0,30 2,3 * * *", "Europe/Berlin", "2025-03-29T03:00:00Z", 4),
      ElementsAre("03-30T03:00+120", "03-30T03:30+120", "03-31T02:00+120", "03-31T02:30+120"));
  // Half an hour.
  EXPECT_THAT(Due("15 2 * * *", "Australia/Lord_Howe", "2025-10-04T00:00:00Z", 2),
              ElementsAre("10-05T02:30+660", "10-06T02:15+660"));
  // A whole day.
  EXPECT_THAT(Due("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 2),
              ElementsAre("12-31T00:00+840", "12-30T12:00+840"));
}

TEST(Schedule, WhatClocksShowTwiceIsDueOnce) {
  EXPECT_THAT(Due("30 2 * * *", "Europe/Berlin", "2025-10-25T03:00:00Z", 2),
              ElementsAre("10-26T02:30+120", "10-27T02:30+60"));
  EXPECT_THAT(Due("30 1 * * *", "America/New_York", "2025-11-01T12:00:00Z", 2),
              ElementsAre("11-02T01:30-240", "11-03T01:30-300"));
  EXPECT_THAT(Due("45 1 * * *", "Australia/Lord_Howe", "2025-04-05T00:00:00Z", 2),
              ElementsAre("04-06T01:45+660", "04-07T01:45+630"));
  EXPECT_THAT(Due("0 */2 * * *", "Europe/Berlin", "2025-10-25T22:30:00Z", 2),
              ElementsAre("10-26T02:00+120", "10-26T04:00+60"));
  // Asked between the two.
  EXPECT_THAT(Due("30 2 * * *", "Europe/Berlin", "2025-10-26T00:45:00Z", 1),
              ElementsAre("10-27T02:30+60"));
  EXPECT_THAT(Due("30 2 * * *", "Europe/Berlin", "2025-10-26T01:15:00Z", 1),
              ElementsAre("10-27T02:30+60"));
}

TEST(Schedule, HourlyIsEveryRealHour) {
  EXPECT_THAT(Due("30 * * * *", "Europe/Berlin", "2025-03-30T00:00:00Z", 3),
              ElementsAre("03-30T01:30+60", "03-30T03:30+120", "03-30T04:30+120"));
  EXPECT_THAT(Due("30 * * * *", "Europe/Berlin", "2025-10-26T00:00:00Z", 3),
              ElementsAre("10-26T02:30+120", "10-26T02:30+60", "10-26T03:30+60"));
  EXPECT_THAT(Due("0 * * * *", "Asia/Kathmandu", "2025-01-01T00:00:00Z", 2),
              ElementsAre("01-01T06:00+345", "01-01T07:00+345"));
}

TEST(Schedule, StepsOfMinutesHaveNoPauseOfAnHour) {
  EXPECT_THAT(Due("*/30 1-3 * * *", "Europe/Berlin", "2025-10-25T23:15:00Z", 6),
              ElementsAre("10-26T01:30+120", "10-26T02:00+120", "10-26T02:30+120", "10-26T02:00+60",
                          "10-26T02:30+60", "10-26T03:00+60"));
  EXPECT_THAT(Due("*/30 2 * * *", "Europe/Berlin", "2025-03-29T12:00:00Z", 2),
              ElementsAre("03-30T03:00+120", "03-31T02:00+120"));
}

TEST(Schedule, ZonesOfNoWholeHour) {
  EXPECT_THAT(Due("0 0 * * *", "Asia/Kathmandu", "2025-01-01T00:00:00Z", 1),
              ElementsAre("01-02T00:00+345"));
  EXPECT_EQ(Schedule::Parse("0 0 * * *", TimeZone::Load("Asia/Kathmandu").value())
                .value()
                .Next(ParseTimestamp("2025-01-01T00:00:00Z").value()),
            ParseTimestamp("2025-01-01T18:15:00Z").value());
}

TEST(Schedule, RareDatesAreFound) {
  EXPECT_EQ(Schedule::Parse("0 0 29 2 */7", TimeZone::Load("America/New_York").value())
                .value()
                .Next(ParseTimestamp("2088-03-01").value()),
            ParseTimestamp("2128-02-29T05:00:00Z").value());
}

TEST(Schedule, TheLastDueTimeOfAPeriod) {
  const Schedule schedule = Schedule::Parse("0 */6 * * *").value();
  const auto last = [&](const char* after, const char* until) {
    const auto due = schedule.LastIn(ParseTimestamp(after).value(), ParseTimestamp(until).value());
    return due ? FormatTimestamp(*due) : "none";
  };
  EXPECT_EQ(last("2025-01-01T00:00:00Z", "2025-01-09T07:00:00Z"), "2025-01-09T06:00:00Z");
  EXPECT_EQ(last("2025-01-01T00:00:00Z", "2025-01-01T06:00:00Z"), "2025-01-01T06:00:00Z");
  EXPECT_EQ(last("2025-01-01T00:00:00Z", "2025-01-01T05:59:59.999999Z"), "none");
  EXPECT_EQ(last("2025-01-01T06:00:00Z", "2025-01-01T06:00:00Z"), "none");
  EXPECT_EQ(last("2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z"), "none");
  EXPECT_EQ(Schedule::Parse("every 7s").value().LastIn(0, 50'000'000), 49'000'000);
}

TEST(Schedule, ErrorsNameTheSchedule) {
  const auto cron = Schedule::Parse("0 25 * * *");
  ASSERT_FALSE(cron);
  EXPECT_EQ(cron.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(cron.error().message, HasSubstr("schedule '0 25 * * *': hour: expected 0-23"));
  for (const char* text :
       {"every", "every 0s", "every 10ms", "every 2000d", "every day", "every -5s", "every 5"}) {
    const auto interval = Schedule::Parse(text);
    ASSERT_FALSE(interval) << text;
    EXPECT_EQ(interval.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(interval.error().message, HasSubstr(std::string("schedule '") + text + "'"));
  }
}

}  // namespace
}  // namespace octolake::schedule
