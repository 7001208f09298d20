#include "event/event_time.h"

#include "base/civil_time.h"

namespace octolake::event {
namespace {

// Takes what it reads off the front of the text; once something did not fit, ok is false.
struct Cursor {
  std::string_view rest;
  bool ok = true;

  int Digits(size_t count) {
    if (rest.size() < count) ok = false;
    if (!ok) return 0;
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (rest[i] < '0' || rest[i] > '9') ok = false;
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(count);
    return value;
  }

  bool Take(char c) {
    if (!ok || rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }

  void Expect(char c) { ok = Take(c) && ok; }
};

int64_t Fraction(Cursor* in) {
  if (!in->Take('.')) return 0;
  int64_t micros = 0;
  int64_t unit = 100'000;
  size_t count = 0;
  while (count < in->rest.size() && in->rest[count] >= '0' && in->rest[count] <= '9') {
    micros += (in->rest[count] - '0') * unit;
    unit /= 10;
    ++count;
  }
  if (count == 0) in->ok = false;
  in->rest.remove_prefix(count);
  return micros;
}

// Seconds east of UTC.
int64_t Offset(Cursor* in) {
  in->Take(' ');
  if (in->rest == "Z" || in->rest == "z" || in->rest == "UTC") {
    in->rest = {};
    return 0;
  }
  const bool minus = in->Take('-');
  if (!minus) in->Expect('+');
  const int hours = in->Digits(2);
  in->Take(':');
  const int minutes = in->Digits(2);
  if (hours > 23 || minutes > 59) in->ok = false;
  return (minus ? -1 : 1) * (hours * 3600 + minutes * 60);
}

}  // namespace

std::optional<TimestampMicros> ParseEventTime(std::string_view text) {
  Cursor in{text};
  const int year = in.Digits(4);
  const char separator = in.Take('/') ? '/' : '-';
  if (separator == '-') in.Expect('-');
  const int month = in.Digits(2);
  in.Expect(separator);
  const int day = in.Digits(2);
  if (!in.Take('T') && !in.Take('t')) in.Expect(' ');
  const int hour = in.Digits(2);
  in.Expect(':');
  const int minute = in.Digits(2);
  in.Expect(':');
  const int second = in.Digits(2);  // 60 is a leap second: the first of the next minute
  const int64_t micros = Fraction(&in);
  const int64_t offset = Offset(&in);
  if (!in.ok || !in.rest.empty() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  if (!IsValidDate(year, month, day)) return std::nullopt;
  const int64_t seconds =
      DaysFromCivil({year, month, day}) * 86400 + hour * 3600 + minute * 60 + second - offset;
  const TimestampMicros time = seconds * kMicrosPerSecond + micros;
  return IsInCalendar(time) ? std::optional(time) : std::nullopt;
}

}  // namespace octolake::event
