// Runs jobs when they are due: one thread that watches the clock, and a few that work.
//
// - A due time is run once, in all processes that use the same history, also when the clock is set
//   back. Of several that have come at once, as after a pause of the machine, the last is run.
// - One that comes while the job runs here, or waits for a retry, is passed over; one that comes
//   while another process runs the job is recorded as skipped.
// - A failed or timed-out attempt is tried again after a wait (RetryPolicy), but a manual one.
// - At the time limit and at Stop a run is asked to end (JobContext::stop). No thread is ended by
//   force: what goes on keeps its worker, and its lock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/random.h"
#include "base/result.h"
#include "schedule/job.h"
#include "schedule/job_plan.h"
#include "schedule/job_run.h"
#include "schedule/run_history.h"

namespace octolake::schedule {

struct SchedulerOptions {
  int workers = 2;  // how many jobs run at once, at most; 1 to kMaxWorkers
  // Called by a worker, without locks, after the last attempt at a due time failed or timed out.
  std::function<void(const RunRecord&)> on_failure;
};
inline constexpr int kMaxWorkers = 64;
inline constexpr size_t kMaxJobs = 1'000;

// Since the scheduler was made.
struct JobCounts {
  int64_t succeeded = 0;
  int64_t failed = 0;  // attempts, as are the next two
  int64_t timed_out = 0;
  int64_t interrupted = 0;
  int64_t given_up = 0;     // due times whose last attempt failed
  int64_t skipped = 0;      // due times: another process ran the job
  int64_t passed_over = 0;  // due times: the job ran here, or waited for a retry
  int64_t run_micros = 0;   // of all attempts together
};

struct JobStatus {
  std::string name;
  std::string schedule;
  std::string zone;
  bool enabled = true;
  std::optional<TimestampMicros> next_due;  // none if it is not enabled
  std::optional<int64_t> running_here;      // the run's id
  std::optional<RunRecord> last_run;  // by any process, also one that goes on; without its log
  JobCounts counts;
};

// Thread-safe. History, clock and random source must outlive it.
class Scheduler {
 public:
  // kInvalidArgument for what cannot be run. Does nothing before Start; Jobs works.
  static Result<std::unique_ptr<Scheduler>> Make(std::vector<Job> jobs, RunHistory& history,
                                                 SchedulerOptions options, const Clock& clock,
                                                 RandomSource& random, Logger logger);
  // Stops, and waits for the runs that go on.
  ~Scheduler();

  // Marks runs that died as interrupted, and begins with what was missed. Once.
  Status Start();
  // Begins nothing more, asks the runs to end, and waits so long for them; whether all have ended.
  bool Stop(std::chrono::milliseconds wait);

  // Has a run begin when a worker is free, and gives its id. kNotFound: no such job; kTransient: a
  // run of it is going on, here or in another process, or the scheduler does not run.
  Result<int64_t> RunNow(const std::string& name);
  // Until nothing runs here or is about to.
  void WaitUntilIdle();
  // Looks at the clock now; returns when what is due then has been given to the workers. For clocks
  // that are set by hand; otherwise it is looked at when something is due, and once a minute.
  void LookAtClock();

  Result<std::vector<JobStatus>> Jobs();

 private:
  // All but the job is guarded by the mutex; only while the plan is busy a worker may be at it.
  struct Entry {
    Entry(Job j, TimestampMicros now) : job(std::move(j)), plan(job, now) {}

    const Job job;
    JobPlan plan;
    RunStart start;                 // of what is queued
    std::optional<JobRun> begun;    // a manual run that is queued
    std::shared_ptr<RunStop> stop;  // while it runs, as are the next two
    int64_t run_id = 0;
    Timer limit;
    JobCounts counts;
  };
  using Lock = std::unique_lock<std::mutex>;

  Scheduler(RunHistory& history, SchedulerOptions options, const Clock& clock, RandomSource& random,
            Logger logger)
      : history_(history),
        options_(std::move(options)),
        clock_(clock),
        random_(random),
        logger_(std::move(logger)) {}

  Status FindMissed();
  void Watch();
  void LookAtAll(Lock& lock);
  int64_t MicrosToNext() const;
  void Work();
  void RunQueued(Lock& lock, Entry& entry);
  std::optional<RunRecord> BeginAndExecute(Lock& lock, Entry& entry);
  std::optional<RunRecord> NotBegun(Lock& lock, Entry& entry, const Error* error);
  void Count(Entry& entry, const RunRecord& run);
  void Finish(Lock& lock, Entry& entry, const RunRecord& run);
  Entry* FindEntry(const std::string& name);
  void Enqueue(Entry& entry);

  RunHistory& history_;
  const SchedulerOptions options_;
  const Clock& clock_;
  RandomSource& random_;
  const Logger logger_;

  std::mutex mutex_;
  std::condition_variable wake_;    // the watching thread
  std::condition_variable work_;    // the workers
  std::condition_variable looked_;  // LookAtClock
  std::condition_variable idle_;    // Stop and WaitUntilIdle
  std::vector<std::unique_ptr<Entry>> entries_;
  std::deque<Entry*> queue_;
  int active_ = 0;  // entries that workers are at
  bool look_again_ = false;
  int64_t looks_begun_ = 0;
  int64_t looks_ended_ = 0;
  bool started_ = false;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace octolake::schedule
