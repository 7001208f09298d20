// Time zones by the names of the IANA database, such as Europe/Berlin, from the system's TZif files
// (RFC 8536).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace octolake::schedule {

inline constexpr const char* kZoneInfoDirectory = "/usr/share/zoneinfo";

// A value that is cheap to copy. All times are seconds since 1970 in UTC.
class TimeZone {
 public:
  TimeZone();  // UTC

  // "UTC" needs no file. kNotFound for a name that the directory does not have, kInvalidArgument
  // for what can be no name, kUnsupported for zones that count leap seconds (right/…).
  static Result<TimeZone> Load(const std::string& name,
                               const std::string& directory = kZoneInfoDirectory);
  // Of a file's content, version 2 or later. kCorruption if it is not one.
  static Result<TimeZone> Parse(const std::string& name, std::string_view tzif);

  const std::string& name() const;
  // How many seconds clocks there are ahead of UTC.
  int64_t OffsetAt(int64_t time) const;
  // When that next changes; nullopt if it never does again.
  std::optional<int64_t> NextTransition(int64_t after) const;

 private:
  struct Rules;
  explicit TimeZone(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}

  std::shared_ptr<const Rules> rules_;
};

}  // namespace octolake::schedule
