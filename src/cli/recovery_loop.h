// Recovers missed webhook deliveries beside the gateway: at the start, again and again, and when
// asked to.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/result.h"
#include "cli/hook_recovery.h"

namespace octolake::cli {

struct RecoveryState {
  int64_t runs = 0;         // that ended
  int64_t failed_runs = 0;  // in which a hook had an error
  int64_t recovered = 0;    // of all runs
  int64_t lost = 0;
  TimestampMicros last_end = 0;
  std::vector<source::HookRecovery> last;  // of the last run
};

class RecoveryLoop {
 public:
  RecoveryLoop(std::unique_ptr<HookRecoveries> recoveries, std::chrono::microseconds interval,
               Logger logger);
  // Ends after the request at hand.
  ~RecoveryLoop();

  // Once. The first run begins at once.
  Status Start();
  // A run that begins after this call, soon; the number that RecoveryState::runs will have then.
  int64_t RunSoon();
  RecoveryState State() const;

 private:
  void Work();
  void RunOnce();
  bool WaitForNext();

  const std::unique_ptr<HookRecoveries> recoveries_;
  const std::chrono::microseconds interval_;
  Logger logger_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool running_ = false;
  bool asked_ = false;
  RecoveryState state_;
  std::jthread thread_;  // last: it uses all the others
};

}  // namespace octolake::cli
