// Jobs, a clock and a history for tests of the scheduler.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/temp_directory_for_test.h"
#include "schedule/scheduler.h"

namespace octolake::schedule {

inline constexpr int64_t kSecond = 1'000'000;

// Work that others can wait for, and that waits for others.
class Gate {
 public:
  // The work: until Open, or until it is asked to end, which is a failure.
  Result<std::string> Pass(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    if (changed_.wait(lock, stop, [this] { return open_; })) return "";
    return MakeError(ErrorKind::kTransient, "asked to end");
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void AwaitArrivals(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }
  int arrived() {
    const std::lock_guard lock(mutex_);
    return arrived_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int arrived_ = 0;
  bool open_ = false;
};

class SchedulerTest : public ::testing::Test {
 protected:
  std::unique_ptr<RunHistory> OpenHistory() const {
    RunHistoryOptions options;
    options.path = directory_.path() + "/jobs.db";
    return RunHistory::Open(options).value();
  }
  static Job EveryTenSeconds(std::string name,
                             std::function<Result<std::string>(const JobContext&)> work) {
    return Job{std::move(name), Schedule::Parse("every 10s").value(), true, std::move(work), {}, 0,
               CatchUp::kOne};
  }
  std::unique_ptr<Scheduler> Make(std::vector<Job> jobs, int workers = 2) {
    SchedulerOptions options;
    options.workers = workers;
    options.on_failure = [this](const RunRecord& run) {
      const std::lock_guard lock(mutex_);
      failures_.push_back(run);
    };
    return Scheduler::Make(std::move(jobs), *history_, options, clock_, random_, MakeNullLogger())
        .value();
  }
  std::unique_ptr<Scheduler> Started(std::vector<Job> jobs, int workers = 2) {
    auto scheduler = Make(std::move(jobs), workers);
    EXPECT_TRUE(scheduler->Start());
    return scheduler;
  }
  std::unique_ptr<Scheduler> Started(Job job) {
    std::vector<Job> jobs;
    jobs.push_back(std::move(job));
    return Started(std::move(jobs));
  }
  // What is due by then has begun.
  void SetTime(Scheduler& scheduler, TimestampMicros now) {
    clock_.Set(now);
    scheduler.LookAtClock();
  }
  // … and has ended.
  void PassTime(Scheduler& scheduler, TimestampMicros now) {
    SetTime(scheduler, now);
    scheduler.WaitUntilIdle();
  }
  // The oldest first: "a scheduled 10 #1 succeeded", in seconds.
  std::vector<std::string> History() const {
    std::vector<std::string> lines;
    const std::vector<RunRecord> runs = history_->Runs({}).value();
    for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
      lines.push_back(
          run->job + " " + std::string(RunReasonName(run->start.reason)) +
          (run->start.scheduled_for ? " " + std::to_string(*run->start.scheduled_for / kSecond)
                                    : "") +
          " #" + std::to_string(run->start.attempt) + " " + std::string(RunStateName(run->state)));
    }
    return lines;
  }
  std::vector<RunRecord> failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

  const TempDirectory directory_{MemoryDirectory()};
  ManualClock clock_{5 * kSecond};
  SeededRandom random_{1};
  std::unique_ptr<RunHistory> history_ = OpenHistory();

 private:
  std::mutex mutex_;
  std::vector<RunRecord> failures_;
};

}  // namespace octolake::schedule
