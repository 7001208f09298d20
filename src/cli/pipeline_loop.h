// Runs the pipeline (Silver, models, data tests) again and again beside the gateway, and keeps what
// came out of it for the status page and the metrics.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/config.h"
#include "base/logging.h"
#include "lake/warehouse.h"
#include "model/bundle.h"
#include "model/run.h"

namespace octolake::cli {

struct PipelineState {
  int64_t runs = 0;
  int64_t failed_runs = 0;
  TimestampMicros last_end = 0;  // of a run that succeeded
  double last_seconds = 0;
  std::string last_error;  // of the last run; empty if it succeeded
  int64_t tests_failed = 0;
  int64_t silver_rows_added = 0;  // since the start
  std::vector<model::FreshnessReport> freshness;
  nlohmann::ordered_json gold;  // {"columns": […], "rows": [[…]]}; null before the first
};

class PipelineLoop {
 public:
  // All must outlive the loop.
  PipelineLoop(const Config& config, std::chrono::microseconds interval, lake::Warehouse& warehouse,
               const model::Bundle& bundle, Logger logger);
  // Ends after the run at hand.
  ~PipelineLoop();

  // Once. The first run begins at once.
  Status Start();
  // No further run; false if the one at hand has not ended in time.
  bool Stop(std::chrono::milliseconds time);
  PipelineState State() const;

 private:
  void Work();
  void RunWithRetries();
  Result<PipelineState> RunOnce();
  Result<nlohmann::ordered_json> ReadGold();
  bool WaitUntilStopped(std::chrono::microseconds time);

  const Config& config_;
  const std::chrono::microseconds interval_;
  lake::Warehouse& warehouse_;
  const model::Bundle& bundle_;
  Logger logger_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool ended_ = false;
  PipelineState state_;
  std::jthread thread_;  // last: it uses all the others
};

}  // namespace octolake::cli
