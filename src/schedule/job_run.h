// One attempt of a job: at most one at once in all processes that use the same history.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/logging.h"
#include "base/result.h"
#include "io/owned_file.h"
#include "schedule/job.h"
#include "schedule/run.h"
#include "schedule/run_history.h"

namespace octolake::schedule {

// How a run is asked to end, and why. Thread-safe.
class RunStop {
 public:
  void AtTimeLimit() {
    timed_out_ = true;
    source_.request_stop();
  }
  void AtShutdown() { source_.request_stop(); }

  std::stop_token token() const { return source_.get_token(); }
  bool timed_out() const { return timed_out_; }
  bool requested() const { return source_.stop_requested(); }

 private:
  std::stop_source source_;
  std::atomic<bool> timed_out_{false};
};

// Destroyed before Execute or Abandon, it leaves a run that the history takes for a dead one.
class JobRun {
 public:
  // Takes the job's lock and records the run. nullopt if a run of the job is going on, here or in
  // another process; kAlreadyExists as RunHistory::Begin. The history must outlive the run.
  static Result<std::optional<JobRun>> Begin(const std::string& job, RunHistory& history,
                                             const RunStart& start, TimestampMicros now);

  const RunRecord& run() const { return run_; }
  // Does the work, records how it ended, and lets go of the lock. What cannot be recorded is
  // logged.
  RunRecord Execute(const Job& job, const RunStop& stop, const Clock& clock, const Logger& logger);
  // Records that nothing was done.
  RunRecord Abandon(const Clock& clock, const Logger& logger);

 private:
  JobRun(io::OwnedFile lock, RunHistory& history, RunRecord run)
      : lock_(std::make_unique<io::OwnedFile>(std::move(lock))),
        history_(&history),
        run_(std::move(run)) {}
  RunRecord End(const Clock& clock, const Logger& logger);

  std::unique_ptr<io::OwnedFile> lock_;
  RunHistory* history_;
  RunRecord run_;
};

// "job 'x' is running (run 7, since …)", as far as the history knows.
std::string SayThatItRuns(const std::string& job, RunHistory& history);

}  // namespace octolake::schedule
