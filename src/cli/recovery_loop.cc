#include "cli/recovery_loop.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/thread.h"

namespace octolake::cli {

RecoveryLoop::RecoveryLoop(std::unique_ptr<HookRecoveries> recoveries,
                           std::chrono::microseconds interval, Logger logger)
    : recoveries_(std::move(recoveries)), interval_(interval), logger_(std::move(logger)) {}

Status RecoveryLoop::Start() {
  OCTO_ASSIGN(thread_, StartThread("to recover missed deliveries", [this] { Work(); }));
  return {};
}

RecoveryLoop::~RecoveryLoop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  recoveries_->Stop();
  if (thread_.joinable()) thread_.join();
}

int64_t RecoveryLoop::RunSoon() {
  const std::lock_guard lock(mutex_);
  asked_ = true;
  changed_.notify_all();
  return state_.runs + (running_ ? 2 : 1);
}

RecoveryState RecoveryLoop::State() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void RecoveryLoop::Work() {
  YieldToOthers();
  do {
    RunOnce();
  } while (WaitForNext());
}

bool RecoveryLoop::WaitForNext() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, interval_, [this] { return stopping_ || asked_; });
  return !stopping_;
}

void RecoveryLoop::RunOnce() {
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
    asked_ = false;
  }
  IgnoreProgress progress;
  std::vector<source::HookRecovery> reports = recoveries_->Run(progress);
  const std::lock_guard lock(mutex_);
  running_ = false;
  ++state_.runs;
  state_.last_end = SystemClock().Now();
  bool failed = false;
  for (const source::HookRecovery& report : reports) {
    state_.recovered += report.recovered;
    state_.lost += report.lost;
    failed = failed || report.error;
    if (report.error) {
      logger_->error("{}", RecoveryLine(report));
    } else if (report.missing > 0) {
      logger_->info("{}", RecoveryLine(report));
    }
  }
  if (failed) ++state_.failed_runs;
  state_.last = std::move(reports);
}

}  // namespace octolake::cli
