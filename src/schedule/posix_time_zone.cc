#include "schedule/posix_time_zone.h"

#include <algorithm>
#include <string>

#include "base/civil_time.h"

namespace octolake::schedule {
namespace {

constexpr int64_t kSecondsPerHour = 3600;
constexpr int64_t kSecondsPerDay = 24 * kSecondsPerHour;
constexpr int kMaxRuleHours = 167;  // RFC 8536: a week either way
constexpr int kMaxOffsetHours = 24;

// 1970-01-01 was a Thursday.
int WeekdayOfDays(int64_t days) { return static_cast<int>((days % 7 + 7 + 4) % 7); }

bool IsLeapYear(int64_t year) { return IsValidDate(year, 2, 29); }

}  // namespace

// Reads text from the front; every Take… gives false, or nullopt, if it has something else.
class PosixTimeZoneParser {
 public:
  explicit PosixTimeZoneParser(std::string_view text) : text_(text) {}

  bool ParseAll(PosixTimeZone& zone) {
    const bool standard = TakeName() && TakeOffset(zone.standard_offset_);
    if (!standard) return false;
    if (text_.empty()) return true;
    PosixTimeZone::DaylightSaving saving;
    saving.offset = zone.standard_offset_ + kSecondsPerHour;
    if (!TakeName()) return false;
    if (!text_.empty() && text_.front() != ',' && !TakeOffset(saving.offset)) return false;
    if (!Take(',') || !TakeYearlyTime(saving.start)) return false;
    if (!Take(',') || !TakeYearlyTime(saving.end)) return false;
    zone.daylight_saving_ = saving;
    return text_.empty();
  }

 private:
  bool Take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::optional<int> TakeNumber(int max) {
    int number = 0;
    size_t digits = 0;
    while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') {
      number = number * 10 + (text_[digits] - '0');
      if (number > max) return std::nullopt;
      ++digits;
    }
    if (digits == 0) return std::nullopt;
    text_.remove_prefix(digits);
    return number;
  }

  bool TakeNumber(int min, int max, int& out) {
    const std::optional<int> number = TakeNumber(max);
    if (!number || *number < min) return false;
    out = *number;
    return true;
  }

  // "CET" or "<+0545>".
  bool TakeName() {
    const bool quoted = Take('<');
    size_t length = 0;
    for (; length < text_.size(); ++length) {
      const char c = text_[length];
      const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      const bool other = (c >= '0' && c <= '9') || c == '+' || c == '-';
      if (!letter && !(quoted && other)) break;
    }
    if (length < 3) return false;
    text_.remove_prefix(length);
    return !quoted || Take('>');
  }

  // [+|-]hh[:mm[:ss]]
  bool TakeTime(int max_hours, int64_t& seconds) {
    const int sign = Take('-') ? -1 : 1;
    if (sign > 0) Take('+');
    const std::optional<int> hours = TakeNumber(max_hours);
    if (!hours) return false;
    int minutes = 0;
    int rest = 0;
    if (Take(':') && !TakeNumber(0, 59, minutes)) return false;
    if (Take(':') && !TakeNumber(0, 59, rest)) return false;
    seconds = sign * (*hours * kSecondsPerHour + minutes * 60 + rest);
    return true;
  }

  // POSIX counts them west of Greenwich.
  bool TakeOffset(int64_t& east) {
    int64_t west = 0;
    if (!TakeTime(kMaxOffsetHours, west)) return false;
    east = -west;
    return true;
  }

  bool TakeYearlyTime(PosixTimeZone::YearlyTime& time) {
    using Day = PosixTimeZone::YearlyTime::Day;
    if (Take('M')) {
      time.kind = Day::kWeekday;
      if (!TakeNumber(1, 12, time.month) || !Take('.') || !TakeNumber(1, 5, time.week) ||
          !Take('.') || !TakeNumber(0, 6, time.day)) {
        return false;
      }
    } else if (Take('J')) {
      time.kind = Day::kJulian;
      if (!TakeNumber(1, 365, time.day)) return false;
    } else {
      time.kind = Day::kZeroBased;
      if (!TakeNumber(0, 365, time.day)) return false;
    }
    return !Take('/') || TakeTime(kMaxRuleHours, time.second);
  }

  std::string_view text_;
};

Result<PosixTimeZone> PosixTimeZone::Parse(std::string_view text) {
  PosixTimeZone zone;
  if (PosixTimeZoneParser(text).ParseAll(zone)) return zone;
  return MakeError(ErrorKind::kCorruption,
                   "expected a time zone's rule such as CET-1CEST,M3.5.0,M10.5.0/3, found '" +
                       std::string(text.substr(0, 100)) + "'");
}

int64_t PosixTimeZone::YearlyTime::InYear(int64_t year) const {
  int64_t days = DaysFromCivil({year, 1, 1});
  switch (kind) {
    case Day::kZeroBased:
      days += day;
      break;
    case Day::kJulian:
      days += day - 1 + (IsLeapYear(year) && day >= 60 ? 1 : 0);
      break;
    case Day::kWeekday: {
      const int64_t first = DaysFromCivil({year, month, 1});
      days = first + (day - WeekdayOfDays(first) + 7) % 7 + 7 * (week - 1);
      while (CivilFromDays(days).month != month) days -= 7;  // week 5 is the last one
      break;
    }
  }
  return days * kSecondsPerDay + second;
}

std::vector<PosixTimeZone::Change> PosixTimeZone::ChangesAround(int64_t time) const {
  std::vector<Change> changes;
  if (!daylight_saving_) return changes;
  const int64_t year = CivilFromDays(FloorDiv(time, kSecondsPerDay)).year;
  for (int64_t y = year - 2; y <= year + 2; ++y) {
    changes.push_back(
        {daylight_saving_->end.InYear(y) - daylight_saving_->offset, standard_offset_});
    changes.push_back(
        {daylight_saving_->start.InYear(y) - standard_offset_, daylight_saving_->offset});
  }
  // Where daylight saving lasts all year it ends and starts at the same moment: the start counts.
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return a.time < b.time; });
  return changes;
}

int64_t PosixTimeZone::OffsetAt(int64_t time) const {
  int64_t offset = standard_offset_;
  for (const Change& change : ChangesAround(time)) {
    if (change.time > time) break;
    offset = change.offset;
  }
  return offset;
}

std::optional<int64_t> PosixTimeZone::NextTransition(int64_t after) const {
  const int64_t before = OffsetAt(after);
  for (const Change& change : ChangesAround(after)) {
    if (change.time <= after || change.offset == before) continue;
    if (OffsetAt(change.time) != before) return change.time;
  }
  return std::nullopt;
}

}  // namespace octolake::schedule
