// Cron expressions: which minutes of the calendar, without a time zone.
//
//     minute hour day-of-month month day-of-week
//
// Each field is * or a list of values, ranges (8-18) and steps (*/15, 8-18/2). Months and weekdays
// have names (JAN, MON-FRI), in any case; 7 is Sunday, too. If neither of the two day fields begins
// with *, a day is due that one of them names, else one that both do, as in Vixie's cron. Also
// @hourly, @daily (@midnight), @weekly, @monthly, @yearly (@annually).
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace octolake::schedule {

class CronExpression {
 public:
  // kInvalidArgument, naming the field and what it expects; also for what never comes, such as
  // February 30.
  static Result<CronExpression> Parse(std::string_view text);

  // The first due minute from `from` on and before `end`, both minutes since 1970-01-01 00:00 of
  // a calendar.
  std::optional<int64_t> FirstIn(int64_t from, int64_t end) const;

  // Whether it names every hour of a day, and every so many minutes of an hour (* or */n).
  bool every_hour() const { return hours_.all(); }
  bool minutes_of_every_hour() const { return any_minute_; }

 private:
  bool IsDueOn(int64_t day) const;
  bool EverDue() const;
  std::optional<int> FirstMinuteOfDay(int from) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;     // 1-31
  std::bitset<13> months_;   // 1-12
  std::bitset<7> weekdays_;  // 0 is Sunday
  bool any_minute_ = false;
  bool either_day_ = false;  // one of the two day fields suffices
};

}  // namespace octolake::schedule
