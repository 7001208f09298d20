#include "cli/up_status.h"

#include "base/json_text.h"
#include "cli/jobs_json.h"
#include "gateway/metrics.h"

namespace octolake::cli {
namespace {

void AppendRecovery(const RecoveryState& recovery, std::string& text) {
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       int64_t value) {
    gateway::AppendMetric(text, name, type, help, static_cast<double>(value));
  };
  add("octolake_recovery_runs_total", "counter", "Looks for missed webhook deliveries.",
      recovery.runs);
  add("octolake_recovery_failed_runs_total", "counter", "Looks in which a hook had an error.",
      recovery.failed_runs);
  add("octolake_recovered_deliveries_total", "counter", "Missed deliveries that are here now.",
      recovery.recovered);
  add("octolake_lost_deliveries_total", "counter", "Missed deliveries that cannot be had any more.",
      recovery.lost);
  add("octolake_recovery_last_timestamp_seconds", "gauge", "End of the last look.",
      recovery.last_end / 1'000'000);
}

void AppendBronze(const lake::CommitLoopState& commits, std::string& text) {
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       auto value) {
    gateway::AppendMetric(text, name, type, help, static_cast<double>(value));
  };
  add("octolake_bronze_lag_records", "gauge", "Durable events that are not in Bronze yet.",
      commits.lag_records);
  add("octolake_bronze_lag_bytes", "gauge", "Their bytes, about.", commits.lag_bytes);
  add("octolake_bronze_lag_seconds", "gauge", "Since the oldest of them was received.",
      static_cast<double>(commits.lag_micros) / 1e6);
  add("octolake_bronze_commits_total", "counter", "Commits of the journal to Bronze.",
      commits.commits);
  add("octolake_bronze_commit_failures_total", "counter", "Commits that failed.", commits.failures);
  add("octolake_bronze_last_commit_seconds", "gauge", "How long the last commit took.",
      static_cast<double>(commits.last_commit_micros) / 1e6);
  add("octolake_bronze_last_commit_timestamp_seconds", "gauge", "When it was.",
      commits.last_commit_at / 1'000'000);
  add("octolake_bronze_events_total", "counter", "Events committed to Bronze.", commits.events);
  add("octolake_bronze_rejected_total", "counter",
      "Events committed to the table of rejected ones.", commits.rejected);
}

// Of a label's value, as the exposition format wants it.
std::string Escaped(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? "\\n" : std::string(1, c);
  }
  return text;
}

void AppendSmallFiles(const std::map<iceberg::TableIdentifier, maintain::SmallFileCost>& costs,
                      std::string& text) {
  const auto add = [&](const char* name, const char* help,
                       int64_t maintain::SmallFileCost::*figure) {
    gateway::AppendMetricHead(text, name, "gauge", help);
    for (const auto& [table, cost] : costs) {
      text += std::string(name) + "{table=\"" + Escaped(table.ToString()) + "\"} " +
              std::to_string(cost.*figure) + "\n";
    }
  };
  add("octolake_small_files", "Data files that are smaller than they should be.",
      &maintain::SmallFileCost::files);
  add("octolake_small_file_bytes", "Their bytes.", &maintain::SmallFileCost::bytes);
  add("octolake_small_file_scan_cost_bytes",
      "What a scan of the table could read while it opens the files that compaction would save.",
      &maintain::SmallFileCost::scan_cost);
}

void AppendReports(const FailureReportCounts& counts, std::string& text) {
  const char* const name = "octolake_job_failure_reports_total";
  gateway::AppendMetricHead(text, name, "counter",
                            "Failures of jobs that were to be sent to jobs.failure_webhook.");
  for (const auto& [outcome, count] :
       {std::pair("delivered", counts.delivered), std::pair("undelivered", counts.undelivered)}) {
    text += std::string(name) + "{outcome=\"" + outcome + "\"} " + std::to_string(count) + "\n";
  }
}

void AppendJobs(const std::vector<schedule::JobStatus>& jobs, std::string& text) {
  const auto sample = [&](const char* name, const std::string& labels, double value) {
    text += std::string(name) + "{" + labels + "} " + std::to_string(value) + "\n";
  };
  gateway::AppendMetricHead(text, "octolake_job_runs_total", "counter", "Attempts of jobs.");
  for (const schedule::JobStatus& job : jobs) {
    const std::pair<const char*, int64_t> counts[] = {{"succeeded", job.counts.succeeded},
                                                      {"failed", job.counts.failed},
                                                      {"timed_out", job.counts.timed_out},
                                                      {"interrupted", job.counts.interrupted},
                                                      {"skipped", job.counts.skipped}};
    for (const auto& [state, count] : counts) {
      sample("octolake_job_runs_total", "job=\"" + job.name + "\",state=\"" + state + "\"",
             static_cast<double>(count));
    }
  }
  gateway::AppendMetricHead(text, "octolake_job_run_seconds_total", "counter",
                            "Time that attempts took.");
  for (const schedule::JobStatus& job : jobs) {
    sample("octolake_job_run_seconds_total", "job=\"" + job.name + "\"",
           static_cast<double>(job.counts.run_micros) / 1e6);
  }
  gateway::AppendMetricHead(text, "octolake_job_next_timestamp_seconds", "gauge",
                            "When a job is due next.");
  for (const schedule::JobStatus& job : jobs) {
    if (!job.next_due) continue;
    sample("octolake_job_next_timestamp_seconds", "job=\"" + job.name + "\"",
           static_cast<double>(*job.next_due / 1'000'000));
  }
}

}  // namespace

// What fails for a while does not keep events out: they wait in the journal. What somebody has to
// mend is said before the journal is full.
Status UpStatus::Ready() {
  const lake::CommitLoopState commits = commits_.State();
  if (!commits.stopped_for_good) return {};
  const std::string why = commits.last_error ? commits.last_error->message : "unknown";
  return MakeError(ErrorKind::kCorruption, std::string("nothing is committed to ") +
                                               (kafka_ ? "Kafka" : "Bronze") + " any more: " + why);
}

std::string UpStatus::StatusJson() {
  const PipelineState pipeline = pipeline_.State();
  nlohmann::ordered_json json;
  json["pipeline"] = {{"runs", pipeline.runs},
                      {"failed_runs", pipeline.failed_runs},
                      {"last_end_ms", pipeline.last_end / 1000},
                      {"last_seconds", pipeline.last_seconds},
                      {"last_error", pipeline.last_error},
                      {"tests_failed", pipeline.tests_failed},
                      {"silver_rows_added", pipeline.silver_rows_added}};
  const lake::CommitLoopState commits = commits_.State();
  json[SinkName()] = {{"lag_records", commits.lag_records},
                      {"lag_seconds", static_cast<double>(commits.lag_micros) / 1e6},
                      {"last_commit_ms", commits.last_commit_at / 1000},
                      {"commits", commits.commits},
                      {"events", commits.events},
                      {"rejected", commits.rejected},
                      {"failures", commits.failures},
                      {"last_error", commits.last_error ? commits.last_error->message : ""}};
  json["freshness"] = nlohmann::ordered_json::array();
  for (const model::FreshnessReport& report : pipeline.freshness) {
    nlohmann::ordered_json entry = {{"source", report.source}};
    if (report.age_seconds) entry["age_seconds"] = *report.age_seconds;
    json["freshness"].push_back(std::move(entry));
  }
  if (recovery_ != nullptr) {
    const RecoveryState recovery = recovery_->State();
    json["recovery"] = {{"runs", recovery.runs},
                        {"failed_runs", recovery.failed_runs},
                        {"recovered", recovery.recovered},
                        {"lost", recovery.lost},
                        {"last_end_ms", recovery.last_end / 1000},
                        {"hooks", RecoveriesJson(recovery.last)}};
  }
  json["gold"] = pipeline.gold;
  return JsonText(json);
}

std::string UpStatus::SinkJson() {
  const lake::CommitLoopState commits = commits_.State();
  const nlohmann::ordered_json json = {
      {"name", SinkName()},
      {"lag_records", commits.lag_records},
      {"lag_seconds", static_cast<double>(commits.lag_micros) / 1e6},
      {"failing", commits.failures_in_a_row > 0},
      {"stopped", commits.stopped_for_good}};
  return json.dump();
}

std::string UpStatus::MetricsText() {
  const PipelineState pipeline = pipeline_.State();
  std::string text;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       auto value) {
    gateway::AppendMetric(text, name, type, help, static_cast<double>(value));
  };
  add("octolake_pipeline_runs_total", "counter", "Runs from Bronze to Gold.", pipeline.runs);
  add("octolake_pipeline_failed_runs_total", "counter", "Runs that failed.", pipeline.failed_runs);
  add("octolake_pipeline_last_success_timestamp_seconds", "gauge", "End of the last good run.",
      pipeline.last_end / 1'000'000);
  add("octolake_pipeline_last_run_seconds", "gauge", "How long the last run took.",
      pipeline.last_seconds);
  add("octolake_silver_rows_added_total", "counter", "Events added to Silver.",
      pipeline.silver_rows_added);
  add("octolake_data_tests_failed", "gauge", "Data tests that failed in the last run.",
      pipeline.tests_failed);
  const lake::CommitLoopState commits = commits_.State();
  if (kafka_ != nullptr) {
    text += kafka_->MetricsText(commits);
  } else {
    AppendBronze(commits, text);
  }
  add("octolake_deliveries_remembered", "gauge", "Webhook deliveries that are remembered.",
      deliveries_.Stats().ids);
  if (recovery_ != nullptr) AppendRecovery(recovery_->State(), text);
  // Without the history there are no figures of jobs, and all the others.
  if (const auto jobs = scheduler_.Jobs()) AppendJobs(*jobs, text);
  AppendSmallFiles(small_files_.Last(), text);
  if (reports_ != nullptr) AppendReports(reports_->Counts(), text);
  gateway::AppendMetricHead(text, "octolake_source_age_seconds", "gauge",
                            "Age of a source's newest row when the last run looked.");
  for (const model::FreshnessReport& report : pipeline.freshness) {
    if (!report.age_seconds) continue;
    text += "octolake_source_age_seconds{source=\"" + report.source + "\"} " +
            std::to_string(*report.age_seconds) + "\n";
  }
  return text;
}

Result<std::string> UpStatus::JobsJson() {
  OCTO_ASSIGN(const auto jobs, scheduler_.Jobs());
  const nlohmann::ordered_json json = {{"jobs", cli::JobsJson(jobs)}};
  return JsonText(json);
}

Result<int64_t> UpStatus::StartRecovery() {
  if (recovery_ != nullptr) return recovery_->RunSoon();
  return MakeError(ErrorKind::kNotFound,
                   "no hooks are configured whose deliveries could be recovered; set github.hooks");
}

}  // namespace octolake::cli
