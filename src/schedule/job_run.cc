#include "schedule/job_run.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/civil_time.h"
#include "base/json_nesting.h"
#include "base/units.h"
#include "schedule/log_tail.h"

namespace octolake::schedule {
namespace {

// Figures that readers of the history can rely on, or "".
std::string CheckedFigures(std::string figures, std::string& message) {
  if (figures.empty()) return figures;
  const bool small = figures.size() <= kMaxFiguresBytes && !IsNestedTooDeeply(figures);
  if (small && nlohmann::json::parse(figures, nullptr, false).is_object()) return figures;
  message = "its figures are left out: expected a JSON object of at most " +
            std::to_string(kMaxFiguresBytes) + " bytes";
  return "";
}

}  // namespace

std::string SayThatItRuns(const std::string& job, RunHistory& history) {
  std::string message = "job '" + job + "' is running";
  const Result<std::optional<RunRecord>> latest = history.Latest(job);
  if (!latest || !*latest || (*latest)->state != RunState::kRunning) return message;
  return message + " (run " + std::to_string((*latest)->id) + ", since " +
         FormatTimestamp((*latest)->started_at) + ")";
}

Result<std::optional<JobRun>> JobRun::Begin(const std::string& job, RunHistory& history,
                                            const RunStart& start, TimestampMicros now) {
  if (!IsJobName(job)) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "job '" + job + "': expected a name of lower-case letters, digits, - and _");
  }
  OCTO_ASSIGN(auto lock, io::OwnedFile::Hold(history.LockPath(job)));
  if (!lock) return std::nullopt;
  OCTO_ASSIGN(RunRecord run, history.Begin(job, start, now));
  return JobRun(std::move(*lock), history, std::move(run));
}

RunRecord JobRun::Execute(const Job& job, const RunStop& stop, const Clock& clock,
                          const Logger& logger) {
  const auto tail = std::make_shared<LogTail>(kMaxLogBytes);
  const Logger run_logger =
      MakeTeeLogger(logger, [tail](std::string_view line) { tail->Add(line); });
  Result<std::string> figures = job.work(JobContext{run_, stop.token(), run_logger});
  if (figures) {
    run_.state = RunState::kSucceeded;
    run_.figures = CheckedFigures(std::move(*figures), run_.message);
  } else {
    run_.state = RunState::kFailed;
    run_.message = figures.error().message;
  }
  if (stop.timed_out()) {
    run_.state = RunState::kTimedOut;
    run_.message = "it took longer than its time limit of " +
                   FormatDuration(job.time_limit_micros) +
                   (figures ? "" : "; then: " + figures.error().message);
  } else if (!figures && stop.requested()) {
    run_.state = RunState::kInterrupted;
    run_.message = "the program was stopped; the run said: " + figures.error().message;
  }
  run_.log = tail->Text();
  return End(clock, logger);
}

RunRecord JobRun::Abandon(const Clock& clock, const Logger& logger) {
  run_.state = RunState::kInterrupted;
  run_.message = "the program was stopped before it began";
  return End(clock, logger);
}

RunRecord JobRun::End(const Clock& clock, const Logger& logger) {
  run_.ended_at = clock.Now();
  if (const Status ended = history_->End(run_); !ended) {
    logger->error("the end of run {} of job {} is not recorded: {}", run_.id, run_.job,
                  ended.error().message);
  }
  lock_.reset();
  return run_;
}

}  // namespace octolake::schedule
