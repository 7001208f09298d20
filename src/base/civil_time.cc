#include "base/civil_time.h"

#include <cstdio>
#include <cstdlib>
#include <optional>

namespace octolake {
namespace {

// The calendar repeats every 400 years.
constexpr int64_t kDaysPerEra = 146'097;
// From 0000-03-01 to 1970-01-01. Years that begin in March have the leap day at their end.
constexpr int64_t kDaysFromMarchZero = 719'468;

bool IsLeapYear(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// Days before a month in a year that begins in March; month 0 is March.
int64_t DaysBeforeMarchMonth(int64_t month) { return (153 * month + 2) / 5; }

// Reads text from the front; every Take… gives nullopt, or false, if the text has something else.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool AtEnd() const { return text_.empty(); }
  char Peek() const { return text_.empty() ? '\0' : text_.front(); }
  bool Take(char c) {
    if (Peek() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<int> TakeDigit() {
    if (Peek() < '0' || Peek() > '9') return std::nullopt;
    const int digit = Peek() - '0';
    text_.remove_prefix(1);
    return digit;
  }
  std::optional<int> TakeNumber(int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      const auto digit = TakeDigit();
      if (!digit) return std::nullopt;
      value = value * 10 + *digit;
    }
    return value;
  }

 private:
  std::string_view text_;
};

std::optional<int64_t> ScanDate(Scanner& scanner) {
  const auto year = scanner.TakeNumber(4);
  if (!year || !scanner.Take('-')) return std::nullopt;
  const auto month = scanner.TakeNumber(2);
  if (!month || !scanner.Take('-')) return std::nullopt;
  const auto day = scanner.TakeNumber(2);
  if (!day || !IsValidDate(*year, *month, *day)) return std::nullopt;
  return DaysFromCivil({*year, *month, *day});
}

std::optional<int64_t> ScanFraction(Scanner& scanner) {
  if (!scanner.Take('.')) return 0;
  int64_t micros = 0;
  int64_t unit = kMicrosPerSecond / 10;
  auto digit = scanner.TakeDigit();
  if (!digit) return std::nullopt;
  for (; digit; digit = scanner.TakeDigit()) {
    micros += *digit * unit;
    unit /= 10;
  }
  return micros;
}

// Microseconds of the day, with the fraction.
std::optional<int64_t> ScanTime(Scanner& scanner) {
  const auto hour = scanner.TakeNumber(2);
  if (!hour || *hour > 23 || !scanner.Take(':')) return std::nullopt;
  const auto minute = scanner.TakeNumber(2);
  if (!minute || *minute > 59 || !scanner.Take(':')) return std::nullopt;
  const auto second = scanner.TakeNumber(2);
  if (!second || *second > 59) return std::nullopt;
  const auto fraction = ScanFraction(scanner);
  if (!fraction) return std::nullopt;
  return ((*hour * 60 + *minute) * 60 + *second) * kMicrosPerSecond + *fraction;
}

// Microseconds east of UTC.
std::optional<int64_t> ScanZone(Scanner& scanner) {
  if (scanner.AtEnd() || scanner.Take('Z')) return 0;
  const bool west = scanner.Peek() == '-';
  if (!scanner.Take('+') && !scanner.Take('-')) return std::nullopt;
  const auto hour = scanner.TakeNumber(2);
  if (!hour || *hour > 23) return std::nullopt;
  scanner.Take(':');
  const auto minute = scanner.TakeNumber(2);
  if (!minute || *minute > 59) return std::nullopt;
  const int64_t offset = (*hour * 60 + *minute) * 60 * kMicrosPerSecond;
  return west ? -offset : offset;
}

std::optional<int64_t> ScanTimestamp(Scanner& scanner) {
  const auto days = ScanDate(scanner);
  if (!days) return std::nullopt;
  if (scanner.AtEnd()) return *days * kMicrosPerDay;
  if (!scanner.Take('T') && !scanner.Take(' ')) return std::nullopt;
  const auto time = ScanTime(scanner);
  if (!time) return std::nullopt;
  const auto offset = ScanZone(scanner);
  if (!offset) return std::nullopt;
  return *days * kMicrosPerDay + *time - *offset;
}

}  // namespace

bool IsValidDate(int64_t year, int month, int day) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= kDays[month - 1] + (month == 2 && IsLeapYear(year) ? 1 : 0);
}

int64_t DaysFromCivil(CivilDate date) {
  const int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const int64_t era = FloorDiv(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t month = (date.month + 9) % 12;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
                             DaysBeforeMarchMonth(month) + date.day - 1;
  return era * kDaysPerEra + day_of_era - kDaysFromMarchZero;
}

CivilDate CivilFromDays(int64_t days) {
  const int64_t shifted = days + kDaysFromMarchZero;
  const int64_t era = FloorDiv(shifted, kDaysPerEra);
  const int64_t day_of_era = shifted - era * kDaysPerEra;
  // Leap days gone by: one in 1,460 days, but not in 36,524, and again in 146,096.
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(day_of_year - DaysBeforeMarchMonth(march_month) + 1);
  date.month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

int64_t YearsOfDays(int64_t days) { return CivilFromDays(days).year - 1970; }

int64_t MonthsOfDays(int64_t days) {
  const CivilDate date = CivilFromDays(days);
  return (date.year - 1970) * 12 + date.month - 1;
}

int64_t YearsOfMicros(TimestampMicros micros) { return YearsOfDays(DaysOfMicros(micros)); }
int64_t MonthsOfMicros(TimestampMicros micros) { return MonthsOfDays(DaysOfMicros(micros)); }
int64_t DaysOfMicros(TimestampMicros micros) { return FloorDiv(micros, kMicrosPerDay); }
int64_t HoursOfMicros(TimestampMicros micros) { return FloorDiv(micros, kMicrosPerHour); }

std::string FormatDate(int64_t days) {
  const CivilDate date = CivilFromDays(days);
  const bool plain = date.year >= 0 && date.year <= 9999;
  char text[40];
  std::snprintf(text, sizeof(text), "%s%04lld-%02d-%02d", plain ? "" : (date.year < 0 ? "-" : "+"),
                static_cast<long long>(std::llabs(date.year)), date.month, date.day);
  return text;
}

std::string FormatTimestamp(TimestampMicros micros) {
  const int64_t days = DaysOfMicros(micros);
  // Not micros - days * kMicrosPerDay, which overflows on the first day of the range.
  const int64_t of_day = (micros % kMicrosPerDay + kMicrosPerDay) % kMicrosPerDay;
  const int64_t seconds = of_day / kMicrosPerSecond;
  char text[32];
  std::snprintf(text, sizeof(text), "T%02d:%02d:%02d", static_cast<int>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  std::string out = FormatDate(days) + text;
  if (const int64_t fraction = of_day % kMicrosPerSecond; fraction != 0) {
    std::snprintf(text, sizeof(text), ".%06d", static_cast<int>(fraction));
    out += text;
    while (out.back() == '0') out.pop_back();
  }
  out += 'Z';
  return out;
}

Result<int64_t> ParseDate(std::string_view text) {
  Scanner scanner(text);
  const auto days = ScanDate(scanner);
  if (days && scanner.AtEnd()) return *days;
  return MakeError(ErrorKind::kInvalidArgument, "not a date (expected for example 2015-01-01): '" +
                                                    std::string(text.substr(0, 64)) + "'");
}

Result<TimestampMicros> ParseTimestamp(std::string_view text) {
  Scanner scanner(text);
  const auto micros = ScanTimestamp(scanner);
  if (micros && scanner.AtEnd()) return *micros;
  return MakeError(ErrorKind::kInvalidArgument,
                   "not a time (expected for example 2015-01-01T15:04:05Z): '" +
                       std::string(text.substr(0, 64)) + "'");
}

}  // namespace octolake
