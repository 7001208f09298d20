#include "schedule/scheduler.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/string_util.h"
#include "base/thread.h"

namespace octolake::schedule {
namespace {

// A clock that is set, or a machine that slept, is noticed after this long.
constexpr int64_t kLongestWaitMicros = 60'000'000;

Status CheckJob(const Job& job) {
  if (!IsJobName(job.name)) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "job '" + job.name +
                         "': expected a name of at most 64 lower-case letters, digits, - and _, "
                         "that begins with a letter");
  }
  const RetryPolicy& retry = job.retry;
  if (!job.work || retry.retries < 0 || retry.first_wait_micros < 0 ||
      retry.longest_wait_micros < retry.first_wait_micros || job.time_limit_micros < 0) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "job '" + job.name +
                         "': expected work to do, numbers from 0 on, and a longest wait between "
                         "retries that is not below the first");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Scheduler>> Scheduler::Make(std::vector<Job> jobs, RunHistory& history,
                                                   SchedulerOptions options, const Clock& clock,
                                                   RandomSource& random, Logger logger) {
  if (options.workers < 1 || options.workers > kMaxWorkers || jobs.size() > kMaxJobs) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "scheduler: expected 1 to " + std::to_string(kMaxWorkers) +
                         " workers and at most " + std::to_string(kMaxJobs) + " jobs, found " +
                         std::to_string(options.workers) + " and " + std::to_string(jobs.size()));
  }
  std::unique_ptr<Scheduler> scheduler(
      new Scheduler(history, std::move(options), clock, random, std::move(logger)));
  for (Job& job : jobs) {
    OCTO_TRY(CheckJob(job));
    if (scheduler->FindEntry(job.name) != nullptr) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "job '" + job.name + "' is there twice: give one another name");
    }
    scheduler->entries_.push_back(std::make_unique<Entry>(std::move(job), clock.Now()));
  }
  return scheduler;
}

Scheduler::~Scheduler() {
  Stop(std::chrono::milliseconds(0));
  threads_.clear();  // joins them
}

Status Scheduler::Start() {
  OCTO_ASSIGN(const int dead, history_.MarkDead());
  if (dead > 0) logger_->warn("{} runs of jobs had been cut off by the end of a process", dead);
  OCTO_TRY(FindMissed());
  {
    const std::lock_guard lock(mutex_);
    started_ = true;
  }
  for (int i = 0; i < options_.workers; ++i) {
    OCTO_ASSIGN(auto worker, StartThread("to run jobs", [this] { Work(); }));
    threads_.push_back(std::move(worker));
  }
  OCTO_ASSIGN(auto watcher, StartThread("to begin jobs when they are due", [this] { Watch(); }));
  threads_.push_back(std::move(watcher));
  return {};
}

Status Scheduler::FindMissed() {
  const TimestampMicros now = clock_.Now();
  for (const auto& entry : entries_) {
    OCTO_ASSIGN(const TimestampMicros since, history_.Know(entry->job.name, now));
    OCTO_ASSIGN(const auto latest, history_.LatestDue(entry->job.name, now));
    const auto missed = MissedRun(entry->job, since, latest, now);
    if (!missed) continue;
    const std::lock_guard lock(mutex_);
    entry->plan.BeginSoon(*missed, now);
  }
  return {};
}

bool Scheduler::Stop(std::chrono::milliseconds wait) {
  std::vector<std::shared_ptr<RunStop>> stops;
  std::vector<JobRun> dropped;
  Lock lock(mutex_);
  stopping_ = true;
  for (const auto& entry : entries_) {
    if (entry->stop) stops.push_back(entry->stop);
    if (entry->begun) dropped.push_back(std::move(*std::exchange(entry->begun, std::nullopt)));
  }
  queue_.clear();
  lock.unlock();
  for (const auto& stop : stops) stop->AtShutdown();
  for (JobRun& run : dropped) run.Abandon(clock_, logger_);
  for (auto* changed : {&wake_, &work_, &looked_, &idle_}) changed->notify_all();
  lock.lock();
  return idle_.wait_for(lock, wait, [this] { return active_ == 0; });
}

void Scheduler::Watch() {
  Lock lock(mutex_);
  while (!stopping_) {
    look_again_ = false;
    const int64_t look = ++looks_begun_;
    LookAtAll(lock);
    looks_ended_ = look;
    looked_.notify_all();
    idle_.notify_all();
    wake_.wait_for(lock, std::chrono::microseconds(MicrosToNext()),
                   [this] { return stopping_ || look_again_; });
  }
}

void Scheduler::LookAtAll(Lock& lock) {
  std::vector<std::shared_ptr<RunStop>> late;
  const TimestampMicros now = clock_.Now();
  for (const auto& entry : entries_) {
    if (const auto start = entry->plan.Look(now)) {
      entry->start = *start;
      Enqueue(*entry);
    }
    if (!entry->stop || entry->job.time_limit_micros == 0 || entry->stop->timed_out()) continue;
    if (entry->limit.HasPassed(now)) late.push_back(entry->stop);
  }
  // Whoever is told may want something of the scheduler.
  lock.unlock();
  for (const auto& stop : late) stop->AtTimeLimit();
  lock.lock();
}

int64_t Scheduler::MicrosToNext() const {
  const TimestampMicros now = clock_.Now();
  TimestampMicros next = now + kLongestWaitMicros;
  for (const auto& entry : entries_) {
    next = std::min(next, entry->plan.WakeAt().value_or(next));
    const bool limited = entry->stop && entry->job.time_limit_micros > 0;
    if (limited && !entry->stop->timed_out()) next = std::min(next, entry->limit.at());
  }
  return std::max<int64_t>(next - now, 0);
}

void Scheduler::LookAtClock() {
  Lock lock(mutex_);
  const int64_t look = looks_begun_ + 1;
  look_again_ = true;
  wake_.notify_all();
  looked_.wait(lock, [&] { return stopping_ || !started_ || looks_ended_ >= look; });
}

void Scheduler::Enqueue(Entry& entry) {
  queue_.push_back(&entry);
  work_.notify_one();
}

void Scheduler::Work() {
  Lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    Entry& entry = *queue_.front();
    queue_.pop_front();
    ++active_;
    RunQueued(lock, entry);
    --active_;
    idle_.notify_all();
  }
}

void Scheduler::RunQueued(Lock& lock, Entry& entry) {
  if (const auto run = BeginAndExecute(lock, entry)) Finish(lock, entry, *run);
  look_again_ = true;
  wake_.notify_all();
}

std::optional<RunRecord> Scheduler::BeginAndExecute(Lock& lock, Entry& entry) {
  std::optional<JobRun> run = std::exchange(entry.begun, std::nullopt);
  if (!run) {
    const RunStart start = entry.start;
    lock.unlock();
    auto begun = JobRun::Begin(entry.job.name, history_, start, clock_.Now());
    lock.lock();
    if (!begun || !*begun) return NotBegun(lock, entry, begun ? nullptr : &begun.error());
    run.emplace(std::move(**begun));
  }
  const auto stop = std::make_shared<RunStop>();
  const bool abandon = stopping_;
  entry.stop = stop;
  entry.run_id = run->run().id;
  entry.limit = Timer(clock_.Now(), entry.job.time_limit_micros);
  look_again_ = true;  // for the limit
  wake_.notify_all();
  lock.unlock();
  const RunRecord ended =
      abandon ? run->Abandon(clock_, logger_) : run->Execute(entry.job, *stop, clock_, logger_);
  lock.lock();
  entry.stop.reset();
  return ended;
}

// Without an error: a run is going on in another process.
std::optional<RunRecord> Scheduler::NotBegun(Lock& lock, Entry& entry, const Error* error) {
  const TimestampMicros now = clock_.Now();
  const RunStart start = entry.start;
  if (error == nullptr && start.attempt > 1) {
    entry.plan.Postponed(start, now, random_);
    return std::nullopt;
  }
  if (error != nullptr && error->kind != ErrorKind::kAlreadyExists) {
    RunRecord run;
    run.job = entry.job.name;
    run.start = start;
    run.started_at = now;
    run.ended_at = now;
    run.state = RunState::kFailed;
    run.message = "it could not begin: " + error->message;
    return run;
  }
  entry.plan.NotBegun();
  if (error != nullptr) return std::nullopt;
  ++entry.counts.skipped;
  lock.unlock();
  const std::string why = SayThatItRuns(entry.job.name, history_) + " in another process";
  logger_->warn("{}: a due time is skipped", why);
  if (const Status kept = history_.Skip(entry.job.name, *start.scheduled_for, why, now); !kept) {
    logger_->error("job {}: a skipped run is not recorded: {}", entry.job.name,
                   kept.error().message);
  }
  lock.lock();
  return std::nullopt;
}

void Scheduler::Count(Entry& entry, const RunRecord& run) {
  entry.counts.succeeded += run.state == RunState::kSucceeded ? 1 : 0;
  entry.counts.failed += run.state == RunState::kFailed ? 1 : 0;
  entry.counts.timed_out += run.state == RunState::kTimedOut ? 1 : 0;
  entry.counts.interrupted += run.state == RunState::kInterrupted ? 1 : 0;
  // A clock that is set back must not make a counter fall.
  entry.counts.run_micros +=
      std::max<int64_t>(run.ended_at.value_or(run.started_at) - run.started_at, 0);
}

void Scheduler::Finish(Lock& lock, Entry& entry, const RunRecord& run) {
  Count(entry, run);
  const JobPlan::After after = entry.plan.Ended(run, clock_.Now(), random_);
  if (after == JobPlan::After::kGaveUp) ++entry.counts.given_up;
  lock.unlock();
  if (run.state == RunState::kFailed || run.state == RunState::kTimedOut) {
    logger_->error("job {}, attempt {}: {}: {}{}", run.job, run.start.attempt,
                   RunStateName(run.state), run.message,
                   after == JobPlan::After::kRetry ? "; it is tried again" : "");
  }
  if (after == JobPlan::After::kGaveUp && options_.on_failure) options_.on_failure(run);
  lock.lock();
}

Scheduler::Entry* Scheduler::FindEntry(const std::string& name) {
  for (const auto& entry : entries_) {
    if (entry->job.name == name) return entry.get();
  }
  return nullptr;
}

Result<int64_t> Scheduler::RunNow(const std::string& name) {
  Lock lock(mutex_);
  Entry* entry = FindEntry(name);
  if (entry == nullptr) {
    std::vector<std::string> names;
    for (const auto& each : entries_) names.push_back(each->job.name);
    return MakeError(ErrorKind::kNotFound,
                     "there is no job '" + name + "'" + DidYouMean(name, names));
  }
  if (!started_ || stopping_) {
    return MakeError(ErrorKind::kTransient, "job '" + name + "': the scheduler does not run");
  }
  const bool busy = entry->plan.busy();
  if (!busy) entry->plan.SetBusy();
  lock.unlock();
  const auto is_running = [&] {
    return MakeError(ErrorKind::kTransient,
                     SayThatItRuns(name, history_) + "; try again when that run has ended");
  };
  if (busy) return is_running();
  auto begun = JobRun::Begin(name, history_, {}, clock_.Now());
  lock.lock();
  if (!begun || !*begun) {
    entry->plan.NotBegun();
    lock.unlock();
    if (begun) return is_running();
    return WithContext(std::move(begun).error(), "job '" + name + "'");
  }
  const int64_t id = (*begun)->run().id;
  if (stopping_) {
    lock.unlock();
    (*begun)->Abandon(clock_, logger_);
    return MakeError(ErrorKind::kTransient, "job '" + name + "': the scheduler was stopped");
  }
  entry->begun.emplace(std::move(**begun));
  Enqueue(*entry);
  return id;
}

void Scheduler::WaitUntilIdle() {
  Lock lock(mutex_);
  idle_.wait(lock, [this] { return active_ == 0 && (stopping_ || queue_.empty()); });
}

Result<std::vector<JobStatus>> Scheduler::Jobs() {
  std::vector<JobStatus> jobs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries_) {
      const Schedule& schedule = entry->job.schedule;
      JobStatus job{entry->job.name,    schedule.text(),        schedule.zone().name(),
                    entry->job.enabled, entry->plan.next_due(), std::nullopt,
                    std::nullopt,       entry->counts};
      if (entry->stop) job.running_here = entry->run_id;
      job.counts.passed_over = entry->plan.passed_over();
      jobs.push_back(std::move(job));
    }
  }
  for (JobStatus& job : jobs) {
    OCTO_ASSIGN(job.last_run, history_.Latest(job.name));
  }
  return jobs;
}

}  // namespace octolake::schedule
