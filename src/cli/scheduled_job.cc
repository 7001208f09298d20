#include "cli/scheduled_job.h"

#include <utility>

namespace octolake::cli {

Result<schedule::TimeZone> TimeZoneOf(const Config& config, const std::string& key) {
  auto zone = schedule::TimeZone::Load(config.GetString(key));
  if (!zone) return MakeError(ErrorKind::kInvalidArgument, key + ": " + zone.error().message);
  return zone;
}

Result<schedule::Job> ScheduledJob(std::string name, const std::string& key,
                                   const std::string& text, const schedule::TimeZone& zone) {
  const bool enabled = text != "off";
  auto schedule = schedule::Schedule::Parse(enabled ? text : "@daily", zone);
  if (!schedule) return WithContext(std::move(schedule).error(), key);
  return schedule::Job{.name = std::move(name),
                       .schedule = *std::move(schedule),
                       .enabled = enabled,
                       .work = {},
                       .retry = {}};
}

}  // namespace octolake::cli
