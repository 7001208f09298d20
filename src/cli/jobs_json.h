// Jobs and their runs as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "schedule/scheduler.h"

namespace octolake::cli {

// An array of objects: name, schedule, zone, enabled, next_due, running, last_run (as RunJson), and
// counts since the start.
nlohmann::ordered_json JobsJson(const std::vector<schedule::JobStatus>& jobs);

// id, job, reason, state, attempt, scheduled_for, started_at, ended_at (ISO 8601 or null), message,
// figures (an object), log.
nlohmann::ordered_json RunJson(const schedule::RunRecord& run);

}  // namespace octolake::cli
