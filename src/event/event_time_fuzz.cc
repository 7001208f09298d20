// Any text as a time: an instant between 1970 and 10000 that its own form reads back as, or none.
#include <string>
#include <string_view>

#include "base/civil_time.h"
#include "base/fuzz.h"
#include "event/event_time.h"

namespace octolake::event {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto check = [](TimestampMicros micros) {
    // An offset can lead out of the years that are written with four digits.
    const int64_t year = CivilFromDays(DaysOfMicros(micros)).year;
    if (year < 0 || year > 9999) return;
    const std::string formatted = FormatTimestamp(micros);
    fuzz::Check(fuzz::Value(ParseTimestamp(formatted), "no time") == micros,
                "a time is read back as another", formatted);
  };
  const auto event_time = ParseEventTime(text);
  if (event_time) {
    fuzz::Check(*event_time >= 0, "before 1970", text);
    fuzz::Check(ParseEventTime(FormatTimestamp(*event_time)) == event_time,
                "an event's time is read back as another", text);
    check(*event_time);
  }
  const auto timestamp = ParseTimestamp(text);
  if (timestamp) check(*timestamp);
  // A date alone is a timestamp here, but no event's time.
  if (event_time && timestamp) fuzz::Check(*event_time == *timestamp, "two readings", text);
  if (const auto days = ParseDate(text)) {
    fuzz::Check(FormatDate(*days) == text, "a date is read as another", text);
  }
  return 0;
}

}  // namespace octolake::event
