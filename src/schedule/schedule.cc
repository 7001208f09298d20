#include "schedule/schedule.h"

#include <algorithm>

#include "base/civil_time.h"
#include "base/string_util.h"
#include "base/units.h"

namespace octolake::schedule {
namespace {

constexpr std::string_view kEvery = "every";
constexpr int64_t kHorizonSeconds = int64_t{100} * 366 * 24 * 3600;  // rarer than February 29 on a
                                                                     // given weekday is nothing

int64_t CeilDiv(int64_t value, int64_t divisor) { return -FloorDiv(-value, divisor); }

// Due times while clocks stay at one offset, in seconds since 1970 in UTC.
struct Period {
  int64_t start;
  int64_t end;
  int64_t offset;
  int64_t offset_before;
};

// Whether clocks skipped something that was due when the period began.
bool HasDueInGap(const CronExpression& cron, const Period& period) {
  if (period.offset <= period.offset_before || cron.every_hour()) return false;
  return cron
      .FirstIn(CeilDiv(period.start + period.offset_before, 60),
               CeilDiv(period.start + period.offset, 60))
      .has_value();
}

std::optional<int64_t> FirstDueIn(const CronExpression& cron, const Period& period,
                                  int64_t earliest) {
  if (earliest <= period.start && HasDueInGap(cron, period)) return period.start;
  int64_t local = std::max(earliest, period.start) + period.offset;
  if (!cron.every_hour() && !cron.minutes_of_every_hour()) {
    // Clocks show again what they showed before the period.
    local = std::max(local, period.start + period.offset_before);
  }
  const auto minute = cron.FirstIn(CeilDiv(local, 60), CeilDiv(period.end + period.offset, 60));
  return minute ? std::optional(*minute * 60 - period.offset) : std::nullopt;
}

std::optional<int64_t> FirstDue(const CronExpression& cron, const TimeZone& zone,
                                int64_t earliest) {
  const int64_t horizon = earliest + kHorizonSeconds;
  // The change before, if any is near enough to matter: nothing that clocks skip or repeat is
  // longer than a day.
  int64_t start = earliest - 2 * 24 * 3600;
  int64_t offset_before = zone.OffsetAt(start);
  while (start < horizon) {
    const int64_t end = std::min(zone.NextTransition(start).value_or(horizon), horizon);
    const Period period{start, end, zone.OffsetAt(start), offset_before};
    if (end > earliest) {
      if (const auto due = FirstDueIn(cron, period, earliest)) return due;
    }
    offset_before = period.offset;
    start = end;
  }
  return std::nullopt;
}

}  // namespace

Result<Schedule> Schedule::Parse(std::string_view text, TimeZone zone) {
  const std::string_view trimmed = Trim(text);
  std::string name = "schedule '" + std::string(trimmed) + "'";
  if (trimmed.starts_with(kEvery)) {
    const Result<int64_t> micros = ParseDuration(Trim(trimmed.substr(kEvery.size())));
    if (!micros) return WithContext(micros.error(), name);
    if (*micros < kMinIntervalMicros || *micros > kMaxIntervalMicros) {
      return MakeError(ErrorKind::kInvalidArgument,
                       name + ": expected an interval of " + FormatDuration(kMinIntervalMicros) +
                           " to " + FormatDuration(kMaxIntervalMicros));
    }
    return Schedule(std::string(trimmed), std::move(zone), Interval{*micros});
  }
  const Result<CronExpression> cron = CronExpression::Parse(trimmed);
  if (!cron) return WithContext(cron.error(), name);
  return Schedule(std::string(trimmed), std::move(zone), *cron);
}

std::optional<TimestampMicros> Schedule::Next(TimestampMicros after) const {
  if (const auto* interval = std::get_if<Interval>(&due_)) {
    return (FloorDiv(after, interval->micros) + 1) * interval->micros;
  }
  const int64_t earliest = FloorDiv(after, kMicrosPerSecond) + 1;
  const auto due = FirstDue(std::get<CronExpression>(due_), zone_, earliest);
  return due ? std::optional(*due * kMicrosPerSecond) : std::nullopt;
}

std::optional<TimestampMicros> Schedule::LastIn(TimestampMicros after,
                                                TimestampMicros until) const {
  const auto has_due_after = [&](TimestampMicros time) {
    const auto due = Next(time);
    return due && *due <= until;
  };
  if (after >= until || !has_due_after(after)) return std::nullopt;
  // The last one comes after `low`, and not after `high`.
  TimestampMicros low = after;
  TimestampMicros high = until;
  while (high - low > 1) {
    const TimestampMicros middle = low + (high - low) / 2;
    (has_due_after(middle) ? low : high) = middle;
  }
  return Next(low);
}

}  // namespace octolake::schedule
