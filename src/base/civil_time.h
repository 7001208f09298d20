// Dates and times of the proleptic Gregorian calendar in UTC. Days are counted from 1970-01-01,
// negative before it. Every division rounds towards the past, as Iceberg's date transforms need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace octolake {

inline constexpr int64_t kMicrosPerMilli = 1000;
inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerHour = 3600 * kMicrosPerSecond;
inline constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;

struct CivilDate {
  int64_t year = 1970;
  int month = 1;  // 1..12
  int day = 1;    // 1..31
  friend auto operator<=>(const CivilDate&, const CivilDate&) = default;
};

// The quotient rounded towards negative infinity; `divisor` > 0.
constexpr int64_t FloorDiv(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

bool IsValidDate(int64_t year, int month, int day);
// Of a valid date.
int64_t DaysFromCivil(CivilDate date);
CivilDate CivilFromDays(int64_t days);

// Iceberg's transforms: years and months since 1970, days and hours since 1970-01-01T00:00:00Z.
int64_t YearsOfDays(int64_t days);
int64_t MonthsOfDays(int64_t days);
int64_t YearsOfMicros(TimestampMicros micros);
int64_t MonthsOfMicros(TimestampMicros micros);
int64_t DaysOfMicros(TimestampMicros micros);
int64_t HoursOfMicros(TimestampMicros micros);

// "2015-01-01". Years beyond 0000..9999 get a sign and as many digits as they need (ISO 8601).
std::string FormatDate(int64_t days);
// "2015-01-01T00:00:00Z"; with ".5" … ".123456" before the Z if it is not a whole second.
std::string FormatTimestamp(TimestampMicros micros);

// "2015-01-01" -> days.
Result<int64_t> ParseDate(std::string_view text);
// "2015-01-01T15:04:05Z", with an optional fraction (digits beyond the microsecond are cut off),
// 'T' or a space between, and Z or an offset such as +02:00. A date alone is its midnight; a time
// without a zone is UTC.
Result<TimestampMicros> ParseTimestamp(std::string_view text);

}  // namespace octolake
