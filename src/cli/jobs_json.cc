#include "cli/jobs_json.h"

#include "base/civil_time.h"

namespace octolake::cli {
namespace {

nlohmann::ordered_json TimeJson(const std::optional<TimestampMicros>& time) {
  if (!time) return nullptr;
  return FormatTimestamp(*time);
}

}  // namespace

nlohmann::ordered_json RunJson(const schedule::RunRecord& run) {
  auto figures = nlohmann::ordered_json::parse(run.figures, nullptr, false);
  if (!figures.is_object()) figures = nlohmann::ordered_json::object();
  return {{"id", run.id},
          {"job", run.job},
          {"reason", schedule::RunReasonName(run.start.reason)},
          {"state", schedule::RunStateName(run.state)},
          {"attempt", run.start.attempt},
          {"scheduled_for", TimeJson(run.start.scheduled_for)},
          {"started_at", TimeJson(run.started_at)},
          {"ended_at", TimeJson(run.ended_at)},
          {"message", run.message},
          {"figures", std::move(figures)},
          {"log", run.log}};
}

nlohmann::ordered_json JobsJson(const std::vector<schedule::JobStatus>& jobs) {
  auto json = nlohmann::ordered_json::array();
  for (const schedule::JobStatus& job : jobs) {
    nlohmann::ordered_json entry = {{"name", job.name},
                                    {"schedule", job.schedule},
                                    {"zone", job.zone},
                                    {"enabled", job.enabled},
                                    {"next_due", TimeJson(job.next_due)},
                                    {"running", job.running_here.has_value()},
                                    {"last_run", nullptr},
                                    {"succeeded", job.counts.succeeded},
                                    {"failed", job.counts.failed},
                                    {"timed_out", job.counts.timed_out}};
    if (job.last_run) entry["last_run"] = RunJson(*job.last_run);
    json.push_back(std::move(entry));
  }
  return json;
}

}  // namespace octolake::cli
