#include "schedule/cron.h"

#include <array>
#include <vector>

#include "base/civil_time.h"
#include "base/string_util.h"

namespace octolake::schedule {
namespace {

constexpr int kMinutesPerDay = 24 * 60;
constexpr size_t kMaxExpressionBytes = 1000;

struct Field {
  const char* name;
  int min;
  int max;
  std::string_view names;  // of three letters each; the first is `min`
  const char* expected;
};

constexpr std::array<Field, 5> kFields = {{
    {"minute", 0, 59, "", "0-59"},
    {"hour", 0, 23, "", "0-23"},
    {"day of month", 1, 31, "", "1-31"},
    {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", "1-12 or JAN-DEC"},
    {"day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT", "0-7 or SUN-SAT (0 and 7 are Sunday)"},
}};
constexpr int kSunday = 7;  // the other one

struct Macro {
  std::string_view name;
  std::string_view fields;
};
constexpr std::array<Macro, 7> kMacros = {{{"@hourly", "0 * * * *"},
                                           {"@daily", "0 0 * * *"},
                                           {"@midnight", "0 0 * * *"},
                                           {"@weekly", "0 0 * * 0"},
                                           {"@monthly", "0 0 1 * *"},
                                           {"@yearly", "0 0 1 1 *"},
                                           {"@annually", "0 0 1 1 *"}}};

tl::unexpected<Error> WrongField(const Field& field, std::string_view found, std::string_view why) {
  return MakeError(ErrorKind::kInvalidArgument,
                   std::string(field.name) + ": expected " + field.expected +
                       ", *, a range (a-b), a step (*/n or a-b/n) or a list of them, found '" +
                       std::string(found) + "'" + std::string(why));
}

std::optional<int> ParseValue(const Field& field, std::string_view text) {
  for (size_t i = 0; i + 3 <= field.names.size(); i += 3) {
    if (EqualsIgnoringCase(text, field.names.substr(i, 3))) {
      return field.min + static_cast<int>(i / 3);
    }
  }
  if (text.starts_with('-')) return std::nullopt;
  const std::optional<int> value = ParseNumber<int>(text);
  return value && *value >= field.min && *value <= field.max ? value : std::nullopt;
}

// One member of a list.
Status AddItem(const Field& field, std::string_view item, uint64_t& values) {
  const size_t slash = item.find('/');
  const std::string_view range = item.substr(0, slash);
  const size_t dash = range.find('-');
  std::optional<int> first = field.min;
  std::optional<int> last = field.max;
  if (range != "*") {
    first = ParseValue(field, range.substr(0, dash));
    last = dash == std::string_view::npos ? first : ParseValue(field, range.substr(dash + 1));
    if (!first || !last) return WrongField(field, item, "");
    // A week may end with Sunday.
    if (field.max == kSunday && *last == 0 && *first > 0) last = kSunday;
    if (*first > *last) return WrongField(field, item, ", whose end comes before its start");
  }
  int step = 1;
  if (slash != std::string_view::npos) {
    if (range != "*" && dash == std::string_view::npos) {
      return WrongField(field, item, "; a step goes with * or a range");
    }
    const std::optional<int> parsed = ParseNumber<int>(item.substr(slash + 1));
    if (!parsed || *parsed < 1 || *parsed > field.max) {
      return WrongField(field, item, ", whose step is not 1-" + std::to_string(field.max));
    }
    step = *parsed;
  }
  for (int value = *first; value <= *last; value += step) values |= uint64_t{1} << value;
  return {};
}

Result<uint64_t> ParseField(const Field& field, std::string_view text) {
  uint64_t values = 0;
  while (true) {
    const size_t comma = text.find(',');
    OCTO_TRY(AddItem(field, text.substr(0, comma), values));
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

Result<std::string_view> FieldsOfMacro(std::string_view text) {
  std::vector<std::string> names;
  for (const Macro& macro : kMacros) {
    if (EqualsIgnoringCase(text, macro.name)) return macro.fields;
    names.emplace_back(macro.name);
  }
  return MakeError(ErrorKind::kInvalidArgument,
                   "expected @hourly, @daily, @weekly, @monthly or @yearly, found '" +
                       std::string(text) + "'" + DidYouMean(text, names));
}

std::vector<std::string_view> SplitAtBlanks(std::string_view text) {
  std::vector<std::string_view> parts;
  for (text = Trim(text); !text.empty(); text = Trim(text)) {
    parts.push_back(text.substr(0, text.find_first_of(" \t")));
    text.remove_prefix(parts.back().size());
  }
  return parts;
}

}  // namespace

Result<CronExpression> CronExpression::Parse(std::string_view text) {
  if (text.size() > kMaxExpressionBytes) {
    return MakeError(
        ErrorKind::kInvalidArgument,
        "expected a cron expression of at most " + std::to_string(kMaxExpressionBytes) + " bytes");
  }
  if (Trim(text).starts_with('@')) {
    OCTO_ASSIGN(text, FieldsOfMacro(Trim(text)));
  }
  const std::vector<std::string_view> fields = SplitAtBlanks(text);
  if (fields.size() != kFields.size()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "expected the five fields minute, hour, day of month, month and day of week, "
                     "found " +
                         std::to_string(fields.size()) +
                         "; what runs more often than once a minute is 'every 10s'");
  }
  std::array<uint64_t, kFields.size()> values{};
  for (size_t i = 0; i < kFields.size(); ++i) {
    OCTO_ASSIGN(values.at(i), ParseField(kFields.at(i), fields[i]));
  }
  CronExpression cron;
  cron.minutes_ = std::bitset<60>(values[0]);
  cron.hours_ = std::bitset<24>(values[1]);
  cron.days_ = std::bitset<32>(values[2]);
  cron.months_ = std::bitset<13>(values[3]);
  cron.weekdays_ = std::bitset<7>(values[4] | values[4] >> kSunday);
  cron.any_minute_ = fields[0].starts_with('*') || cron.minutes_.all();
  cron.either_day_ = !fields[2].starts_with('*') && !fields[4].starts_with('*');
  if (!cron.EverDue()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "day of month: none of the months in '" + std::string(fields[3]) +
                         "' has a day of '" + std::string(fields[2]) + "', so it would never run");
  }
  return cron;
}

// In 400 years every date falls on every weekday.
bool CronExpression::EverDue() const {
  constexpr int64_t kLeapYear = 2000;
  if (either_day_) return true;
  for (int month = 1; month <= 12; ++month) {
    for (int day = 1; months_[month] && day <= 31; ++day) {
      if (days_[day] && IsValidDate(kLeapYear, month, day)) return true;
    }
  }
  return false;
}

bool CronExpression::IsDueOn(int64_t day) const {
  const CivilDate date = CivilFromDays(day);
  if (!months_[date.month]) return false;
  const bool by_date = days_[date.day];
  const bool by_weekday = weekdays_[static_cast<size_t>(((day + 4) % 7 + 7) % 7)];
  return either_day_ ? by_date || by_weekday : by_date && by_weekday;
}

std::optional<int> CronExpression::FirstMinuteOfDay(int from) const {
  for (int minute = from; minute < kMinutesPerDay; ++minute) {
    if (hours_[minute / 60] && minutes_[minute % 60]) return minute;
  }
  return std::nullopt;
}

std::optional<int64_t> CronExpression::FirstIn(int64_t from, int64_t end) const {
  for (int64_t day = FloorDiv(from, kMinutesPerDay); day * kMinutesPerDay < end; ++day) {
    if (!IsDueOn(day)) continue;
    const int64_t midnight = day * kMinutesPerDay;
    const int start = from > midnight ? static_cast<int>(from - midnight) : 0;
    const std::optional<int> minute = FirstMinuteOfDay(start);
    if (!minute) continue;
    return midnight + *minute < end ? std::optional(midnight + *minute) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace octolake::schedule
