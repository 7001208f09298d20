#include "lake/commit_loop.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/thread.h"
#include "datafile/idle_memory.h"
#include "iceberg/catalog.h"
#include "lake/definitions.h"

namespace octolake::lake {

bool MayHelpToTryAgain(ErrorKind kind) {
  return kind != ErrorKind::kCorruption && kind != ErrorKind::kUnsupported &&
         kind != ErrorKind::kInvalidArgument;
}

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::microseconds;

int64_t MicrosSince(Steady::time_point begin) {
  return std::chrono::duration_cast<microseconds>(Steady::now() - begin).count();
}

class Loop final : public CommitLoop {
 public:
  Loop(OpenCommitter open, journal::Journal& journal, const Clock& clock, CommitLoopOptions options,
       Logger logger)
      : open_(std::move(open)),
        journal_(journal),
        clock_(clock),
        options_(std::move(options)),
        logger_(std::move(logger)),
        next_at_(Steady::now()) {}
  ~Loop() override { Stop(); }

  Status Begin();
  Status CommitNow() override;
  void Stop() override;
  CommitLoopState State() const override;

 private:
  enum class Next { kCommit, kDrain, kNothing };

  void OnDurable();
  void Work();
  Next WaitForWork();
  // Of these the caller holds the mutex.
  bool IsBehind() const { return journal_.durable_sequence() > state_.committed_sequence; }
  bool IsFull() const {
    const uint64_t waiting = journal_.durable_sequence() - state_.committed_sequence;
    return waiting >= static_cast<uint64_t>(options_.max_records) ||
           journal_.BytesAfter(state_.committed_sequence) >= options_.commit.max_bytes;
  }
  void Drain();
  void TellPosition();
  // Whether it is worth going on.
  bool Attempt();
  void Succeeded(const JournalCommitReport& report, Steady::time_point began);
  void Failed(const Error& error);

  const OpenCommitter open_;
  journal::Journal& journal_;
  const Clock& clock_;
  const CommitLoopOptions options_;
  const Logger logger_;
  std::unique_ptr<JournalCommitter> committer_;  // the thread's, once that runs

  mutable std::mutex mutex_;
  std::condition_variable work_;     // for the thread: there may be something to do
  std::condition_variable changed_;  // for CommitNow: an attempt has ended
  CommitLoopState state_;
  uint64_t waits_behind_ = 0;                      // as far as it was known at the start
  std::optional<TimestampMicros> oldest_waiting_;  // when it was received
  Steady::time_point next_at_;                     // not before, unless it is full
  int64_t asked_now_ = 0;                          // CommitNow calls that wait
  bool idle_ = false;                              // nothing waits but the thread
  bool stopping_ = false;
  bool ended_ = false;
  std::jthread thread_;
};

Status Loop::Begin() {
  OCTO_ASSIGN(committer_, open_());
  state_.committed_sequence = committer_->position();
  waits_behind_ = committer_->position_at_least();
  OCTO_ASSIGN(const auto first, journal_.ReadAfter(waits_behind_)->Next(1));
  if (!first.empty()) oldest_waiting_ = first.front().record.received_at;
  journal_.OnDurable([this] { OnDurable(); });
  OCTO_ASSIGN(thread_,
              StartThread("to commit the journal to " + options_.target, [this] { Work(); }));
  return {};
}

// Wakes the thread only where that changes what it does: records can come thousands of times a
// second.
void Loop::OnDurable() {
  const std::lock_guard lock(mutex_);
  if (!oldest_waiting_) oldest_waiting_ = clock_.Now();
  if (idle_ || IsFull()) work_.notify_one();
}

Loop::Next Loop::WaitForWork() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (stopping_) return Next::kDrain;
    if (asked_now_ > 0) return Next::kCommit;
    if (!IsBehind()) {
      idle_ = true;
      const bool woken =
          work_.wait_for(lock, microseconds(options_.idle_micros)) == std::cv_status::no_timeout;
      idle_ = false;
      if (woken) continue;
      return Next::kNothing;
    }
    const bool failing = state_.failures_in_a_row > 0;
    if (Steady::now() >= next_at_ || (!failing && IsFull())) return Next::kCommit;
    work_.wait_until(lock, next_at_);
  }
}

void Loop::Work() {
  YieldToOthers();  // whoever waits for an answer goes first
  while (true) {
    const Next next = WaitForWork();
    if (next == Next::kDrain || (next == Next::kCommit && !Attempt())) break;
    if (next == Next::kNothing) {
      TellPosition();
      datafile::GiveBackIdleMemory();
    }
  }
  Drain();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void Loop::Drain() {
  const auto deadline = Steady::now() + microseconds(options_.drain_micros);
  while (Steady::now() < deadline) {
    {
      const std::lock_guard lock(mutex_);
      if (!IsBehind() || state_.failures_in_a_row > 0) return;
    }
    if (!Attempt()) return;
  }
}

bool Loop::Attempt() {
  const auto began = Steady::now();
  // A table was dropped: it is made again.
  if (!committer_) {
    auto opened = open_();
    if (!opened) {
      Failed(opened.error());
      return MayHelpToTryAgain(opened.error().kind);
    }
    committer_ = std::move(opened).value();
  }
  const auto report = committer_->CommitNext();
  if (report) {
    Succeeded(*report, began);
    TellPosition();
    return true;
  }
  if (report.error().kind == ErrorKind::kNotFound) committer_.reset();
  Failed(report.error());
  return MayHelpToTryAgain(report.error().kind);
}

void Loop::TellPosition() {
  if (options_.on_position && committer_) options_.on_position(committer_->position());
}

void Loop::Succeeded(const JournalCommitReport& report, Steady::time_point began) {
  for (const std::string& warning : report.warnings) logger_->warn("{}", warning);
  const std::lock_guard lock(mutex_);
  if (state_.failures_in_a_row > 0) {
    logger_->info("{} is committed to again, after {} attempts that failed", options_.target,
                  state_.failures_in_a_row);
  }
  state_.failures_in_a_row = 0;
  state_.last_error.reset();
  state_.committed_sequence = committer_->position();
  oldest_waiting_ = report.next_received_at;
  if (!oldest_waiting_ && IsBehind()) oldest_waiting_ = clock_.Now();
  next_at_ = began + microseconds(options_.interval_micros);
  if (report.last_sequence > 0) {
    ++state_.commits;
    state_.events += report.events;
    state_.rejected += report.rejected;
    state_.bytes += report.bytes;
    state_.last_commit_at = clock_.Now();
    state_.last_commit_micros = MicrosSince(began);
    logger_->debug("committed {} events and {} rejected, up to record {} of journal {}, in {} ms",
                   report.events, report.rejected, report.last_sequence, journal_.uuid().ToString(),
                   state_.last_commit_micros / 1000);
  }
  changed_.notify_all();
}

void Loop::Failed(const Error& error) {
  const std::lock_guard lock(mutex_);
  ++state_.failures;
  ++state_.failures_in_a_row;
  state_.last_error = error;
  state_.stopped_for_good = !MayHelpToTryAgain(error.kind);
  int64_t wait = options_.first_retry_micros;
  for (int64_t i = 1; i < state_.failures_in_a_row && wait < options_.longest_retry_micros; ++i) {
    wait *= 2;
  }
  wait = std::min(wait, options_.longest_retry_micros);
  next_at_ = Steady::now() + microseconds(wait);
  if (state_.stopped_for_good) {
    logger_->error(
        "nothing more is committed to {} until this is mended and octolake started again; "
        "the journal keeps what is accepted: {}",
        options_.target, error.message);
  } else {
    logger_->warn(
        "commit to {} failed, the next attempt is in {} ms; the journal keeps what "
        "is accepted: {}",
        options_.target, wait / 1000, error.message);
  }
  changed_.notify_all();
}

Status Loop::CommitNow() {
  std::unique_lock lock(mutex_);
  const uint64_t target = journal_.durable_sequence();
  const int64_t failures = state_.failures;
  ++asked_now_;
  work_.notify_one();
  changed_.wait(lock, [&] {
    return state_.committed_sequence >= target || state_.failures != failures || ended_;
  });
  --asked_now_;
  if (state_.committed_sequence >= target) return {};
  if (state_.last_error) return tl::unexpected<Error>(*state_.last_error);
  return MakeError(ErrorKind::kTransient,
                   "the commits to " + options_.target + " have been stopped");
}

void Loop::Stop() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    work_.notify_one();
    if (options_.cancel && thread_.joinable()) {
      changed_.wait_for(lock, microseconds(options_.drain_micros), [this] { return ended_; });
      if (!ended_) options_.cancel();
    }
  }
  if (thread_.joinable()) thread_.join();
  journal_.OnDurable({});
}

CommitLoopState Loop::State() const {
  const std::lock_guard lock(mutex_);
  CommitLoopState state = state_;
  state.durable_sequence = journal_.durable_sequence();
  const uint64_t committed = std::max(state_.committed_sequence, waits_behind_);
  if (state.durable_sequence <= committed) return state;
  state.lag_records = static_cast<int64_t>(state.durable_sequence - committed);
  state.lag_bytes = journal_.BytesAfter(committed);
  const TimestampMicros now = clock_.Now();
  state.lag_micros = std::max<int64_t>(now - oldest_waiting_.value_or(now), 0);
  return state;
}

}  // namespace

Result<std::unique_ptr<CommitLoop>> CommitLoop::Start(OpenCommitter open, journal::Journal& journal,
                                                      const Clock& clock, CommitLoopOptions options,
                                                      Logger logger) {
  auto loop = std::make_unique<Loop>(std::move(open), journal, clock, std::move(options),
                                     std::move(logger));
  OCTO_TRY(loop->Begin());
  return loop;
}

Result<std::unique_ptr<CommitLoop>> CommitLoop::Start(Warehouse& warehouse,
                                                      journal::Journal& journal,
                                                      CommitLoopOptions options, Logger logger) {
  OpenCommitter open = [&warehouse, &journal, commit = options.commit,
                        logger]() -> Result<std::unique_ptr<JournalCommitter>> {
    OCTO_ASSIGN(const auto warnings, CreateTables(warehouse));
    for (const std::string& warning : warnings) logger->warn("{}", warning);
    return JournalCommitter::Open(warehouse, journal, commit);
  };
  return Start(std::move(open), journal, warehouse.clock(), std::move(options), std::move(logger));
}

}  // namespace octolake::lake
