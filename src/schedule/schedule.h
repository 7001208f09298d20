// When a job is due: a cron expression in a time zone, or an interval.
//
// "every 30s" is due at the multiples of its interval since 1970-01-01T00:00:00Z, whatever the
// zone.
//
// A cron expression follows the clocks of its zone. Where they are set forward, a time that they
// skip is due at the first instant after; where they are set back, a time that they show twice is
// due once, the first time. Expressions for every hour skip and repeat with the clocks instead, so
// that they run once an hour of real time; and those with * or */n for the minute repeat, so that
// there is no pause of an hour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "schedule/cron.h"
#include "schedule/time_zone.h"

namespace octolake::schedule {

inline constexpr int64_t kMinIntervalMicros = 1'000'000;
inline constexpr int64_t kMaxIntervalMicros = int64_t{366} * 24 * 3600 * 1'000'000;

class Schedule {
 public:
  // "every <duration>" (base/units.h) or a cron expression. kInvalidArgument.
  static Result<Schedule> Parse(std::string_view text, TimeZone zone = TimeZone());

  const std::string& text() const { return text_; }
  const TimeZone& zone() const { return zone_; }
  // The first due time after `after`; nullopt if that is beyond what is looked at, a hundred years.
  std::optional<TimestampMicros> Next(TimestampMicros after) const;
  // The last due time after `after`, until `until`.
  std::optional<TimestampMicros> LastIn(TimestampMicros after, TimestampMicros until) const;

 private:
  struct Interval {
    int64_t micros;
  };
  Schedule(std::string text, TimeZone zone, std::variant<Interval, CronExpression> due)
      : text_(std::move(text)), zone_(std::move(zone)), due_(due) {}

  std::string text_;
  TimeZone zone_;
  std::variant<Interval, CronExpression> due_;
};

}  // namespace octolake::schedule
