#include "cli/pipeline_loop.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "base/progress.h"
#include "base/thread.h"
#include "cli/config_keys.h"
#include "cli/row_printer.h"
#include "lake/silver.h"

namespace octolake::cli {
namespace {

constexpr int kRetries = 3;
constexpr std::chrono::seconds kRetryPause{2};
constexpr int64_t kMicrosPerSecond = 1'000'000;

double SecondsSince(TimestampMicros start, const Clock& clock) {
  return static_cast<double>(clock.Now() - start) / kMicrosPerSecond;
}

}  // namespace

PipelineLoop::PipelineLoop(const Config& config, std::chrono::microseconds interval,
                           lake::Warehouse& warehouse, const model::Bundle& bundle, Logger logger)
    : config_(config),
      interval_(interval),
      warehouse_(warehouse),
      bundle_(bundle),
      logger_(std::move(logger)) {}

Status PipelineLoop::Start() {
  OCTO_ASSIGN(thread_, StartThread("to run the pipeline", [this] { Work(); }));
  return {};
}

PipelineLoop::~PipelineLoop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool PipelineLoop::Stop(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  return !thread_.joinable() || changed_.wait_for(lock, time, [this] { return ended_; });
}

PipelineState PipelineLoop::State() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

bool PipelineLoop::WaitUntilStopped(std::chrono::microseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return stopping_; });
}

void PipelineLoop::Work() {
  YieldToOthers();
  do {
    RunWithRetries();
  } while (!WaitUntilStopped(interval_));
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void PipelineLoop::RunWithRetries() {
  for (int attempt = 0;; ++attempt) {
    const TimestampMicros start = warehouse_.clock().Now();
    Result<PipelineState> run = RunOnce();
    const double seconds = SecondsSince(start, warehouse_.clock());
    {
      const std::lock_guard lock(mutex_);
      ++state_.runs;
      state_.last_seconds = seconds;
      if (run) {
        state_.last_end = warehouse_.clock().Now();
        state_.last_error.clear();
        state_.tests_failed = run->tests_failed;
        state_.silver_rows_added += run->silver_rows_added;
        state_.freshness = std::move(run->freshness);
        state_.gold = std::move(run->gold);
      } else {
        ++state_.failed_runs;
        state_.last_error = run.error().message;
      }
    }
    if (run) return;
    logger_->error("pipeline run failed: {}", run.error().message);
    if (attempt == kRetries || WaitUntilStopped(kRetryPause)) return;
  }
}

// The parts of the result that this run gives.
Result<PipelineState> PipelineLoop::RunOnce() {
  IgnoreProgress progress;
  PipelineState result;
  OCTO_ASSIGN(const auto silver, lake::RunSilver(warehouse_, SilverOptionsOf(config_), progress));
  result.silver_rows_added = silver.added;
  const model::RunOptions run = RunOptionsOf(config_);
  OCTO_ASSIGN(const auto models, model::RunModels(warehouse_, bundle_, run, progress));
  model::TestOptions test;
  test.session = run.session;
  OCTO_ASSIGN(const auto tests, model::RunDataTests(warehouse_, bundle_, test, progress));
  for (const model::TestReport& report : tests) {
    using Outcome = model::TestReport::Outcome;
    if (report.outcome != Outcome::kFailed && report.outcome != Outcome::kErrored) continue;
    ++result.tests_failed;
    logger_->error("data test {}: {} rows {}", report.name, report.failures, report.error);
  }
  OCTO_ASSIGN(result.freshness, model::CheckFreshness(warehouse_, bundle_, run.session));
  OCTO_ASSIGN(result.gold, ReadGold());
  logger_->info("pipeline: {} Bronze rows read, {} events added to Silver, {} models, {} tests",
                silver.bronze_rows, silver.added, models.size(), tests.size());
  return result;
}

Result<nlohmann::ordered_json> PipelineLoop::ReadGold() {
  OCTO_ASSIGN(auto session,
              model::OpenWarehouseSession(warehouse_, bundle_, {}, SessionOptionsOf(config_)));
  const std::string table =
      sql::QuoteIdentifier(warehouse_.namespaces().gold) + ".gold_user_activity";
  OCTO_ASSIGN(auto rows,
              session->Query("SELECT activity_date, actor_login, total_events, "
                             "total_activity_score, user_activity_level, user_specialization, "
                             "top_repo FROM " +
                             table +
                             " ORDER BY activity_date DESC, total_activity_score DESC, actor_key "
                             "LIMIT 10"));
  nlohmann::ordered_json json;
  json["columns"] = rows->schema()->field_names();
  json["rows"] = nlohmann::ordered_json::array();
  while (true) {
    OCTO_ASSIGN(const auto batch, rows->Next());
    if (batch == nullptr) return json;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      auto cells = nlohmann::ordered_json::array();
      for (int i = 0; i < batch->num_columns(); ++i) {
        cells.push_back(CellJson(*batch->column(i), row));
      }
      json["rows"].push_back(std::move(cells));
    }
  }
}

}  // namespace octolake::cli
