// A run of a job, as the history keeps it: one attempt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace octolake::schedule {

enum class RunReason {
  kScheduled,  // a due time came
  kCatchUp,    // a due time had passed, or its run was cut off, when the program started
  kManual,     // somebody asked for it
};

enum class RunState {
  kRunning,
  kSucceeded,
  kFailed,
  kTimedOut,     // went on beyond its time limit
  kInterrupted,  // cut off: the program was stopped, or it or the machine died
  kSkipped,      // not begun at its due time, for a run was going in another process
};

// "scheduled", "catch_up", "manual"; "running", …, "timed_out", …
std::string_view RunReasonName(RunReason reason);
std::string_view RunStateName(RunState state);
std::optional<RunReason> ParseRunReason(std::string_view name);
std::optional<RunState> ParseRunState(std::string_view name);

// Lower-case letters, digits, '-' and '_', at most 64, a letter first: also a part of file names.
bool IsJobName(std::string_view name);

// Why a run begins.
struct RunStart {
  RunReason reason = RunReason::kManual;
  std::optional<TimestampMicros> scheduled_for;  // the due time; a manual run has none
  int attempt = 1;  // for this due time; of a skipped run: how many due times in a row
};

struct RunRecord {
  int64_t id = 0;  // ascending; 0: it could not be recorded
  std::string job;
  RunStart start;
  TimestampMicros started_at = 0;
  std::optional<TimestampMicros> ended_at;  // unknown of what died
  RunState state = RunState::kRunning;
  std::string message;  // what went wrong, or what else there is to say
  std::string figures;  // a JSON object, or ""
  std::string log;      // its last lines
};

}  // namespace octolake::schedule
