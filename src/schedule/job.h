// A job: something that is run when it is due.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/logging.h"
#include "base/result.h"
#include "schedule/run.h"
#include "schedule/schedule.h"

namespace octolake::schedule {

// What a run is given.
struct JobContext {
  const RunRecord& run;
  // Asks the work to end soon: at the time limit, and when the program stops.
  std::stop_token stop;
  // Into the program's log, and the end of it into the history.
  Logger logger;
};

// After a failed attempt or one that timed out: the first wait, which doubles up to the longest.
// The wait is drawn from its upper half, so that jobs that failed together do not come back
// together.
struct RetryPolicy {
  int retries = 0;
  int64_t first_wait_micros = 10'000'000;
  int64_t longest_wait_micros = 600'000'000;
};

enum class CatchUp {
  kNone,
  // If a due time passed while no program ran, or its run was cut off: one run at the start.
  kOne,
  // One run at every start, whatever was missed.
  kAlways,
};

struct Job {
  std::string name;  // IsJobName
  Schedule schedule;
  bool enabled = true;  // whether it runs by itself
  // Returns figures as a JSON object, or "". Must not throw. Called by one thread at a time in all
  // processes together.
  std::function<Result<std::string>(const JobContext&)> work;
  RetryPolicy retry;
  int64_t time_limit_micros = 0;  // 0: none
  CatchUp catch_up = CatchUp::kOne;
};

}  // namespace octolake::schedule
