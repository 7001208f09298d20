// Rules of a time zone as the TZ environment variable of POSIX spells them ("CET-1CEST,M3.5.0,
// M10.5.0/3"), with the hours beyond a day that RFC 8536 (section 3.3.1) adds. They have no end.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace octolake::schedule {

// All times are seconds since 1970 in UTC, all offsets seconds east of it.
class PosixTimeZone {
 public:
  // kCorruption, for the text is part of a file.
  static Result<PosixTimeZone> Parse(std::string_view text);

  int64_t OffsetAt(int64_t time) const;
  // When the offset next changes.
  std::optional<int64_t> NextTransition(int64_t after) const;

 private:
  friend class PosixTimeZoneParser;

  // A second of a year.
  struct YearlyTime {
    enum class Day { kJulian, kZeroBased, kWeekday } kind = Day::kWeekday;
    int day = 0;            // kJulian: 1-365, without February 29; kZeroBased: 0-365; kWeekday: 0-6
    int month = 1;          // kWeekday: 1-12
    int week = 1;           // kWeekday: 1-5, 5 is the last one
    int64_t second = 7200;  // of the day; may be before or after it

    int64_t InYear(int64_t year) const;  // by the clock that runs until then
  };
  struct DaylightSaving {
    int64_t offset = 0;
    YearlyTime start;
    YearlyTime end;
  };
  struct Change {
    int64_t time;
    int64_t offset;
  };

  // Those of the years around a time, in order.
  std::vector<Change> ChangesAround(int64_t time) const;

  int64_t standard_offset_ = 0;
  std::optional<DaylightSaving> daylight_saving_;
};

}  // namespace octolake::schedule
