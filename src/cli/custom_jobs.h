// The jobs of the operator's own (jobs.custom.NAME): command lines that are run as processes.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "schedule/job.h"

namespace octolake::cli {

inline constexpr char kCustomJobs[] = "jobs.custom";
inline constexpr size_t kMostCustomJobs = 100;

// What the commands of custom jobs need to know of this program.
struct CommandSetting {
  std::string program;                // this one
  std::string config_file;            // "": none
  std::string warehouse;              // its directory, absolute
  std::vector<std::string> commands;  // of this program
};

// A job for each. The process that a run starts has its output in the run's log, and says by its
// exit status how it went; it is asked to end by SIGTERM, after which no exit status is success.
// kInvalidArgument names a key that makes no sense.
Result<std::vector<schedule::Job>> MakeCustomJobs(const Config& config, CommandSetting setting);

}  // namespace octolake::cli
