#include "cli/pipeline.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "base/civil_time.h"
#include "base/progress.h"
#include "cli/config_keys.h"
#include "cli/row_printer.h"
#include "datafile/idle_memory.h"
#include "lake/silver.h"

namespace octolake::cli {
namespace {

double SecondsSince(TimestampMicros start, const Clock& clock) {
  return static_cast<double>(clock.Now() - start) / kMicrosPerSecond;
}

}  // namespace

PipelineState Pipeline::State() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

Result<std::string> Pipeline::Run(const Logger& logger) {
  const TimestampMicros start = warehouse_.clock().Now();
  nlohmann::ordered_json figures;
  Result<PipelineState> run = RunSteps(logger, figures);
  datafile::GiveBackIdleMemory();
  const double seconds = SecondsSince(start, warehouse_.clock());
  const std::lock_guard lock(mutex_);
  ++state_.runs;
  state_.last_seconds = seconds;
  if (!run) {
    ++state_.failed_runs;
    state_.last_error = run.error().message;
    return tl::unexpected<Error>(std::move(run).error());
  }
  state_.last_end = warehouse_.clock().Now();
  state_.last_error.clear();
  state_.tests_failed = run->tests_failed;
  state_.silver_rows_added += run->silver_rows_added;
  state_.freshness = std::move(run->freshness);
  state_.gold = std::move(run->gold);
  return figures.dump();
}

Result<PipelineState> Pipeline::RunSteps(const Logger& logger, nlohmann::ordered_json& figures) {
  IgnoreProgress progress;
  PipelineState result;
  OCTO_TRY(model::CheckVersions(warehouse_, bundle_, {}));
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
    logger->error("data test {}: {} rows {}", report.name, report.failures, report.error);
  }
  OCTO_ASSIGN(result.freshness, model::CheckFreshness(warehouse_, bundle_, run.session));
  OCTO_ASSIGN(result.gold, ReadGold());
  figures = {{"bronze_rows", silver.bronze_rows},
             {"silver_rows_added", silver.added},
             {"models", models.size()},
             {"tests", tests.size()},
             {"tests_failed", result.tests_failed}};
  logger->info("pipeline: {} Bronze rows read, {} events added to Silver, {} models, {} tests",
               silver.bronze_rows, silver.added, models.size(), tests.size());
  return result;
}

Result<nlohmann::ordered_json> Pipeline::ReadGold() {
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
