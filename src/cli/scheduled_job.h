// When a job is due, by the keys of the configuration.
#pragma once

#include <string>

#include "base/config.h"
#include "base/result.h"
#include "schedule/job.h"

namespace octolake::cli {

// kInvalidArgument names the key.
Result<schedule::TimeZone> TimeZoneOf(const Config& config, const std::string& key);

// A job without work, due as `text` says, which is the value of `key`: a schedule, or "off" for one
// that runs only when it is asked for. kInvalidArgument names the key.
Result<schedule::Job> ScheduledJob(std::string name, const std::string& key,
                                   const std::string& text, const schedule::TimeZone& zone);

}  // namespace octolake::cli
