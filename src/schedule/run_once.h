// For a program that runs one job, once.
#pragma once

#include <stop_token>

#include "base/clock.h"
#include "base/logging.h"
#include "base/random.h"
#include "base/result.h"
#include "schedule/job.h"
#include "schedule/run_history.h"

namespace octolake::schedule {

// A manual run, which need not be enabled and is not tried again; gives how it ended, with its log.
// kTransient if a run of the job is going on in another process, or if it was stopped before it
// began. The run is asked to end when `stop` is requested, and at its time limit.
Result<RunRecord> RunOnce(Job job, RunHistory& history, const Clock& clock, RandomSource& random,
                          const Logger& logger, const std::stop_token& stop);

}  // namespace octolake::schedule
