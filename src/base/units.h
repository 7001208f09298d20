// Durations and sizes as people write them in configuration.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace octolake {

// "500ms", "30s", "1.5h", "1h30m", "7d" -> microseconds. Units: us, ms, s, m, h, d (24 hours), w.
// A unit is required but for 0. kInvalidArgument for anything else, for a negative duration, for a
// part of a microsecond and beyond 64 bits.
Result<int64_t> ParseDuration(std::string_view text);

// "20MB", "64KiB", "1.5 GB", "1048576" -> bytes. Units, in any case: B, kB, MB, GB, TB (powers of
// 1000) and KiB, MiB, GiB, TiB (powers of 1024); no unit means bytes.
Result<int64_t> ParseSize(std::string_view text);

// Exact: a whole number of the largest unit that divides it, "90s", "1h", "0s". ParseDuration reads
// it back; likewise sizes, "64KiB", "20MB", "1001B".
std::string FormatDuration(int64_t micros);
std::string FormatSize(int64_t bytes);

// For people, rounded to three digits: "17.8 MB", "999 B".
std::string HumanSize(int64_t bytes);

}  // namespace octolake
