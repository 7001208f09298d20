// Runs the pipeline (Silver, models, data tests) for a process that stays, and keeps what came out
// of it for the status page and the metrics.
#pragma once

#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
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

// Thread-safe; one thread at a time runs it.
class Pipeline {
 public:
  // All must outlive it.
  Pipeline(const Config& config, lake::Warehouse& warehouse, const model::Bundle& bundle)
      : config_(config), warehouse_(warehouse), bundle_(bundle) {}

  // Once. Figures of the run, as a JSON object.
  Result<std::string> Run(const Logger& logger);
  PipelineState State() const;

 private:
  // The parts of the state that one run gives.
  Result<PipelineState> RunSteps(const Logger& logger, nlohmann::ordered_json& figures);
  Result<nlohmann::ordered_json> ReadGold();

  const Config& config_;
  lake::Warehouse& warehouse_;
  const model::Bundle& bundle_;
  mutable std::mutex mutex_;
  PipelineState state_;
};

}  // namespace octolake::cli
