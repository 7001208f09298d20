#include "schedule/job_plan.h"

#include <utility>

namespace octolake::schedule {
namespace {

// After the given number of attempts.
int64_t RetryWait(const RetryPolicy& policy, int attempts, RandomSource& random) {
  int64_t wait = std::max<int64_t>(policy.first_wait_micros, 0);
  for (int i = 1; i < attempts && wait < policy.longest_wait_micros; ++i) wait *= 2;
  wait = std::min(wait, std::max<int64_t>(policy.longest_wait_micros, 0));
  const auto half = static_cast<uint64_t>(wait / 2);
  return wait - static_cast<int64_t>(random.Next() % (half + 1));
}

// Whether more was to come when the program ended.
bool WasCutOff(const Job& job, const RunRecord& run) {
  switch (run.state) {
    case RunState::kInterrupted:
      return run.start.attempt <= std::max(job.retry.retries, 1);
    case RunState::kFailed:
    case RunState::kTimedOut:
      return run.start.attempt <= job.retry.retries;
    default:
      return false;
  }
}

}  // namespace

std::optional<RunStart> MissedRun(const Job& job, TimestampMicros known_since,
                                  const std::optional<RunRecord>& latest_due, TimestampMicros now) {
  if (!job.enabled || job.catch_up == CatchUp::kNone) return std::nullopt;
  if (job.catch_up == CatchUp::kAlways) return RunStart{RunReason::kCatchUp, now, 1};
  const TimestampMicros since =
      latest_due ? latest_due->start.scheduled_for.value_or(known_since) : known_since;
  if (const auto missed = job.schedule.LastIn(since, now)) {
    return RunStart{RunReason::kCatchUp, missed, 1};
  }
  if (!latest_due || !WasCutOff(job, *latest_due)) return std::nullopt;
  return RunStart{RunReason::kCatchUp, latest_due->start.scheduled_for,
                  latest_due->start.attempt + 1};
}

void JobPlan::SetNow(TimestampMicros now) {
  last_now_ = now;
  next_due_ = job_.enabled ? job_.schedule.Next(now) : std::nullopt;
}

std::optional<RunStart> JobPlan::Look(TimestampMicros now) {
  // Set back: due times come again. Those that were handled are in the history, which tells.
  if (now < last_now_) SetNow(now);
  last_now_ = now;
  if (next_due_ && *next_due_ <= now) {
    // Several may have come since, as after a pause of the machine.
    const auto due = job_.schedule.LastIn(*next_due_ - 1, now);
    SetNow(now);
    if (busy_ || waiting_) {
      ++passed_over_;
    } else {
      BeginSoon({RunReason::kScheduled, due, 1}, now);
    }
  }
  if (busy_ || !waiting_ || !timer_.HasPassed(now)) return std::nullopt;
  busy_ = true;
  return std::exchange(waiting_, std::nullopt);
}

std::optional<TimestampMicros> JobPlan::WakeAt() const {
  if (busy_ || !waiting_) return next_due_;
  return next_due_ ? std::min(*next_due_, timer_.at()) : timer_.at();
}

void JobPlan::BeginSoon(const RunStart& start, TimestampMicros now) {
  waiting_ = start;
  timer_ = Timer(now, 0);
}

JobPlan::After JobPlan::Ended(const RunRecord& run, TimestampMicros now, RandomSource& random) {
  busy_ = false;
  if (run.start.reason == RunReason::kManual) {
    // What waits for a retry was done.
    if (run.state == RunState::kSucceeded) waiting_.reset();
    return After::kNothing;
  }
  if (run.state != RunState::kFailed && run.state != RunState::kTimedOut) return After::kNothing;
  if (run.start.attempt > job_.retry.retries) return After::kGaveUp;
  RunStart again = run.start;
  ++again.attempt;
  waiting_ = again;
  timer_ = Timer(now, RetryWait(job_.retry, run.start.attempt, random));
  return After::kRetry;
}

void JobPlan::Postponed(const RunStart& start, TimestampMicros now, RandomSource& random) {
  busy_ = false;
  waiting_ = start;
  timer_ = Timer(now, RetryWait(job_.retry, start.attempt, random));
}

}  // namespace octolake::schedule
