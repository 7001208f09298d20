// Tells a server that somebody runs when a job has failed for good (jobs.failure_webhook).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/config.h"
#include "base/logging.h"
#include "base/pause.h"
#include "base/random.h"
#include "base/result.h"
#include "schedule/run.h"
#include "source/webhook_sender.h"

namespace octolake::cli {

struct FailureReportCounts {
  int64_t delivered = 0;
  int64_t undelivered = 0;  // given up, or left out for there were too many
};

// Sends from a thread of its own, so that no job waits for it. What cannot be delivered is logged
// and counted. Thread-safe.
class FailureReports {
 public:
  // More that wait are left out: somebody who was told so often knows.
  static constexpr size_t kMostWaiting = 100;

  // nullptr if no webhook is configured; kInvalidArgument for one that is none. `directory` is the
  // warehouse's; the random source must outlive it.
  static Result<std::unique_ptr<FailureReports>> Start(const Config& config, std::string directory,
                                                       RandomSource& random, Logger logger);
  ~FailureReports() { Stop(); }
  // Gives up what is not delivered by then, and all that is reported later.
  void Stop();

  // The last attempt of a run that failed or timed out. Returns at once.
  void Report(const schedule::RunRecord& run);
  // Until all of it is delivered or given up.
  void WaitUntilSent();
  FailureReportCounts Counts() const;

 private:
  FailureReports(source::WebhookOptions options, std::unique_ptr<source::HttpClient> http,
                 std::string directory, RandomSource& random, Logger logger);
  void Work();
  void Leave(const source::WebhookMessage& message, const std::string& why);
  void LeaveWaiting();

  const std::string directory_;
  const std::string host_;
  RandomSource& random_;
  const Logger logger_;
  EndablePause pause_;
  const std::unique_ptr<source::HttpClient> http_;
  source::WebhookSender sender_;  // the thread's

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<source::WebhookMessage> waiting_;
  bool sending_ = false;
  bool stopping_ = false;
  FailureReportCounts counts_;
  std::jthread thread_;  // last: it uses all the others
};

}  // namespace octolake::cli
