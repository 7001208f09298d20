// When a job begins next: due times, retries and what was missed, without threads, clocks or I/O.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/random.h"
#include "schedule/job.h"
#include "schedule/run.h"

namespace octolake::schedule {

// A moment so long after another. A clock that is set back makes it no longer.
class Timer {
 public:
  Timer() = default;
  Timer(TimestampMicros now, int64_t micros) : at_(now + micros), micros_(micros) {}
  bool HasPassed(TimestampMicros now) {
    at_ = std::min(at_, now + micros_);
    return at_ <= now;
  }
  TimestampMicros at() const { return at_; }

 private:
  TimestampMicros at_ = 0;
  int64_t micros_ = 0;
};

// What a job missed while no program ran: a due time after the latest in the history (or after the
// job became known), else the latest one if its run was cut off or had retries left. The latter is
// tried again at every start no more often than it may be retried, and once at least: a run that
// takes the program down with it must not do so for ever.
std::optional<RunStart> MissedRun(const Job& job, TimestampMicros known_since,
                                  const std::optional<RunRecord>& latest_due, TimestampMicros now);

class JobPlan {
 public:
  enum class After { kNothing, kRetry, kGaveUp };

  JobPlan(const Job& job, TimestampMicros now) : job_(job) { SetNow(now); }

  // What begins now, if anything; the job is busy from then on. To be called when WakeAt has come,
  // and from time to time, in case the clock was set.
  std::optional<RunStart> Look(TimestampMicros now);
  std::optional<TimestampMicros> WakeAt() const;

  bool busy() const { return busy_; }
  std::optional<TimestampMicros> next_due() const { return next_due_; }
  // Due times that came while the job was busy, or waited for a retry.
  int64_t passed_over() const { return passed_over_; }

  // Begins at the next look.
  void BeginSoon(const RunStart& start, TimestampMicros now);
  // A manual run begins: only if it is not busy.
  void SetBusy() { busy_ = true; }
  // What Look gave, or the manual run, has ended.
  After Ended(const RunRecord& run, TimestampMicros now, RandomSource& random);
  // It did not begin, and will not.
  void NotBegun() { busy_ = false; }
  // It did not begin, and is tried again after the wait of a retry.
  void Postponed(const RunStart& start, TimestampMicros now, RandomSource& random);

 private:
  void SetNow(TimestampMicros now);

  const Job& job_;
  TimestampMicros last_now_ = 0;
  std::optional<TimestampMicros> next_due_;
  std::optional<RunStart> waiting_;  // for the timer, and for the job not to be busy
  Timer timer_;
  bool busy_ = false;
  int64_t passed_over_ = 0;
};

}  // namespace octolake::schedule
