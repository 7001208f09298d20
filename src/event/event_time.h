// The ways in which GitHub and GH Archive have written created_at.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace octolake::event {

// "2015-01-01T15:00:00Z" (RFC 3339, any offset, fractions cut after the microsecond) and
// "2012/04/01 12:01:30 -0700": '-' or '/' in the date, 'T' or a space before the time, and then,
// after at most one space, Z, UTC or an offset (+hh:mm, +hhmm). Years 1970 to 9999 in UTC.
// nullopt for anything else, a time without a zone included: it names no instant.
std::optional<TimestampMicros> ParseEventTime(std::string_view text);

// The last microsecond of the year 9999: engines that read our tables know no later time.
inline constexpr TimestampMicros kLastTime = 253'402'300'799'999'999;

// Whether it is in the years that ParseEventTime takes.
constexpr bool IsInCalendar(TimestampMicros time) { return time >= 0 && time <= kLastTime; }

}  // namespace octolake::event
