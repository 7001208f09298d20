#include "cli/failure_reports.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/civil_time.h"
#include "base/json_text.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "cli/jobs_json.h"

namespace octolake::cli {
namespace {

constexpr char kEvent[] = "job_failed";
constexpr char kProgramEnds[] = "the program ends";

std::string HostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// `text` is what chat services show of a message.
std::string BodyOf(const schedule::RunRecord& run, const std::string& host,
                   const std::string& directory) {
  nlohmann::ordered_json json = RunJson(run);
  json.erase("log");  // may hold more than is meant for others
  json["event"] = kEvent;
  json["host"] = host;
  json["warehouse"] = directory;
  json["text"] = "octolake on " + host + ": job " + run.job + " " +
                 std::string(schedule::RunStateName(run.state)) + ": " + run.message;
  return JsonText(json);
}

source::HttpOptions TimesOf(const Config& config) {
  source::HttpOptions options;
  options.answer_timeout_ms = config.GetMicros("jobs.failure_webhook_timeout") / kMicrosPerMilli;
  options.connect_timeout_ms = options.answer_timeout_ms;
  options.stall_timeout_ms = options.answer_timeout_ms;
  return options;
}

}  // namespace

Result<std::unique_ptr<FailureReports>> FailureReports::Start(const Config& config,
                                                              std::string directory,
                                                              RandomSource& random, Logger logger) {
  if (!config.Has("jobs.failure_webhook")) return nullptr;
  source::WebhookOptions options;
  options.url = config.GetString("jobs.failure_webhook");
  options.secret = config.GetString("jobs.failure_webhook_secret");
  options.retries = static_cast<int>(config.GetInt("jobs.failure_webhook_retries"));
  if (auto checked = source::CheckWebhookUrl(options.url); !checked) {
    return WithContext(std::move(checked).error(), "jobs.failure_webhook");
  }
  OCTO_ASSIGN(auto http, source::MakeHttpClient(TimesOf(config)));
  std::unique_ptr<FailureReports> reports(new FailureReports(
      std::move(options), std::move(http), std::move(directory), random, std::move(logger)));
  OCTO_ASSIGN(reports->thread_,
              StartThread("to report failed jobs", [all = reports.get()] { all->Work(); }));
  return reports;
}

FailureReports::FailureReports(source::WebhookOptions options,
                               std::unique_ptr<source::HttpClient> http, std::string directory,
                               RandomSource& random, Logger logger)
    : directory_(std::move(directory)),
      host_(HostName()),
      random_(random),
      logger_(std::move(logger)),
      http_(std::move(http)),
      sender_(std::move(options), *http_, pause_) {}

void FailureReports::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    LeaveWaiting();  // first: it is to be in the log, also if the thread does not end in time
    changed_.notify_all();
  }
  pause_.End();
  http_->Cancel();
  if (thread_.joinable()) thread_.join();
}

void FailureReports::Report(const schedule::RunRecord& run) {
  source::WebhookMessage message{kEvent, Uuid::RandomV4(random_).ToString(),
                                 BodyOf(run, host_, directory_)};
  const std::lock_guard lock(mutex_);
  if (stopping_) return Leave(message, kProgramEnds);
  if (waiting_.size() >= kMostWaiting) {
    return Leave(message, std::to_string(kMostWaiting) + " others wait already");
  }
  waiting_.push_back(std::move(message));
  changed_.notify_all();
}

// With the mutex.
void FailureReports::Leave(const source::WebhookMessage& message, const std::string& why) {
  ++counts_.undelivered;
  logger_->error("jobs.failure_webhook: delivery {} is given up: {}", message.id, why);
}

void FailureReports::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) break;
    const source::WebhookMessage message = std::move(waiting_.front());
    waiting_.pop_front();
    sending_ = true;
    lock.unlock();
    const Status sent = sender_.Send(message);
    lock.lock();
    sending_ = false;
    if (sent) {
      ++counts_.delivered;
    } else {
      Leave(message, sent.error().message);
    }
    changed_.notify_all();
  }
}

// With the mutex.
void FailureReports::LeaveWaiting() {
  for (const source::WebhookMessage& message : waiting_) Leave(message, kProgramEnds);
  waiting_.clear();
}

void FailureReports::WaitUntilSent() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !sending_; });
}

FailureReportCounts FailureReports::Counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace octolake::cli
