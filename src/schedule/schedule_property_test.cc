// Next against stepping minute by minute with the C library's clocks, for random expressions around
// the changes of clocks.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/civil_time.h"
#include "schedule/schedule.h"
#include "schedule/system_zone_for_test.h"

namespace octolake::schedule {
namespace {

constexpr int64_t kDay = 86400;

// A field as values and as text.
struct RandomField {
  std::string text;
  std::set<int> values;
  bool star = false;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  int64_t Between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  // `sparse`: few values, otherwise mostly all of them.
  RandomField Field(int min, int max, bool sparse) {
    RandomField field;
    const int64_t form = Between(0, sparse ? 3 : 7);
    if (form == 0) return Step(min, max, "*");
    if (form >= 4) {
      field.text = "*";
      field.star = true;
      for (int value = min; value <= max; ++value) field.values.insert(value);
      return field;
    }
    for (int64_t items = Between(1, 3); items > 0; --items) {
      const int first = static_cast<int>(Between(min, max));
      const int last = form == 1 ? first : static_cast<int>(Between(first, max));
      RandomField item;
      if (form == 3) {
        item = Step(first, last, std::to_string(first) + "-" + std::to_string(last));
      } else {
        item.text = std::to_string(first) + (first == last ? "" : "-" + std::to_string(last));
        for (int value = first; value <= last; ++value) item.values.insert(value);
      }
      field.text += (field.text.empty() ? "" : ",") + item.text;
      field.values.insert(item.values.begin(), item.values.end());
    }
    return field;
  }

 private:
  RandomField Step(int min, int max, const std::string& range) {
    const int step = static_cast<int>(Between(1, std::max(1, max / 2)));
    RandomField field{range + "/" + std::to_string(step), {}, range == "*"};
    for (int value = min; value <= max; value += step) field.values.insert(value);
    return field;
  }

  std::mt19937_64 random_;
};

struct RandomCron {
  RandomField minute, hour, day, month, weekday;

  explicit RandomCron(Generator& generator)
      : minute(generator.Field(0, 59, true)),
        hour(generator.Field(0, 23, generator.Between(0, 1) == 0)),
        day(generator.Field(1, 31, false)),
        month(generator.Field(1, 12, false)),
        weekday(generator.Field(0, 6, false)) {}

  std::string Text() const {
    return minute.text + " " + hour.text + " " + day.text + " " + month.text + " " + weekday.text;
  }
  bool Matches(const std::tm& local) const {
    const bool by_date = day.values.count(local.tm_mday) > 0;
    const bool by_weekday = weekday.values.count(local.tm_wday) > 0;
    const bool either = !day.star && !weekday.star;
    return minute.values.count(local.tm_min) > 0 && hour.values.count(local.tm_hour) > 0 &&
           month.values.count(local.tm_mon + 1) > 0 &&
           (either ? by_date || by_weekday : by_date && by_weekday);
  }
  bool EveryHour() const { return hour.values.size() == 24; }
  bool Repeats() const { return EveryHour() || minute.star || minute.values.size() == 60; }
};

std::tm CalendarAt(int64_t local) {
  const auto seconds = static_cast<std::time_t>(local);
  std::tm calendar{};
  ::gmtime_r(&seconds, &calendar);
  return calendar;
}

// A multiple of a minute in UTC, in zones whose offsets are such, too.
bool IsDueAt(const RandomCron& cron, int64_t time) {
  const int64_t offset = SystemZone::OffsetAt(time);
  const int64_t before = SystemZone::OffsetAt(time - 1);
  if (!cron.EveryHour()) {
    for (int64_t skipped = time + before; skipped < time + offset; skipped += 60) {
      if (cron.Matches(CalendarAt(skipped))) return true;
    }
  }
  if (!cron.Matches(SystemZone::At(time))) return false;
  for (int64_t back = 60; !cron.Repeats() && back <= 3 * 3600; back += 60) {
    if (time - back + SystemZone::OffsetAt(time - back) == time + offset) return false;
  }
  return true;
}

TEST(ScheduleProperty, NextIsWhatSteppingThroughMinutesFinds) {
  Generator generator(20250330);
  int compared = 0;
  for (const char* name :
       {"Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
        "America/Havana", "Asia/Beirut", "Pacific/Apia", "America/Godthab", "UTC"}) {
    const TimeZone zone = TimeZone::Load(name).value();
    const SystemZone system(name);
    for (int round = 0; round < 60; ++round) {
      const RandomCron cron(generator);
      const auto schedule = Schedule::Parse(cron.Text(), zone);
      if (!schedule) continue;  // never due, as February 30
      // Mostly near a change, if there is one.
      int64_t start = generator.Between(int64_t{946'684'800}, int64_t{2'500'000'000});
      const auto change = zone.NextTransition(start);
      if (change && round % 4 != 0) start = *change - generator.Between(0, kDay);
      const int64_t end = start + 2 * kDay;
      int64_t expected = FloorDiv(start, 60) * 60 + 60;
      int64_t after = start;
      while (true) {
        while (expected < end && !IsDueAt(cron, expected)) expected += 60;
        const int64_t next = schedule->Next(after * kMicrosPerSecond).value() / kMicrosPerSecond;
        if (expected >= end) {
          ASSERT_GE(next, end) << name << " " << cron.Text() << " after " << after;
          break;
        }
        ASSERT_EQ(next, expected) << name << " " << cron.Text() << " after " << after;
        ++compared;
        after = expected;
        expected += 60;
      }
    }
  }
  EXPECT_GT(compared, 4'000);
}

}  // namespace
}  // namespace octolake::schedule
