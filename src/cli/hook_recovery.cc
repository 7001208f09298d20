#include "cli/hook_recovery.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/clock.h"
#include "base/pause.h"
#include "base/random.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "io/local_file_system.h"
#include "source/app_token.h"
#include "source/github_client.h"
#include "source/http_client.h"

namespace octolake::cli {
namespace {

constexpr int64_t kMaxKeyBytes = 64 << 10;

Result<std::vector<source::Hook>> HooksOf(const Config& config) {
  std::vector<source::Hook> hooks;
  for (const std::string& name : config.GetList("github.hooks")) {
    OCTO_ASSIGN(source::Hook hook, source::ParseHook(name));
    const char* needed = hook.of_app ? "github.app_id" : "github.token";
    if (!config.Has(needed) || (hook.of_app && !config.Has("github.app_key_file"))) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "github.hooks " + name + " needs " + needed +
                           (hook.of_app ? " and github.app_key_file" : ""));
    }
    hooks.push_back(std::move(hook));
  }
  return hooks;
}

Result<std::string> ReadKey(const std::string& path) {
  std::error_code error;
  const auto files = io::MakeLocalFileSystem();
  return io::ReadAll(*files, std::filesystem::absolute(path, error).string(), kMaxKeyBytes);
}

class Recoveries final : public HookRecoveries {
 public:
  Recoveries(std::vector<source::Hook> hooks, std::unique_ptr<source::HttpClient> http,
             const source::GitHubOptions& github, const source::GitHubOptions& for_app,
             journal::Journal& journal, journal::DeliveryMemory& deliveries,
             const source::RecoveryOptions& options, const Logger& logger)
      : http_(std::move(http)),
        github_(*http_, pause_, SystemClock(), github, logger),
        for_app_(*http_, pause_, SystemClock(), for_app, logger),
        recovery_(std::move(hooks), github_, for_app_, journal, deliveries, SystemClock(),
                  SystemRandom(), options, logger) {}

  std::vector<source::HookRecovery> Run(ProgressListener& progress) override {
    return recovery_.Run(progress);
  }
  void Stop() override {
    pause_.End();
    http_->Cancel();
  }

 private:
  EndablePause pause_;
  std::unique_ptr<source::HttpClient> http_;
  source::GitHubClient github_;
  source::GitHubClient for_app_;
  source::DeliveryRecovery recovery_;
};

}  // namespace

Result<std::unique_ptr<HookRecoveries>> HookRecoveries::Make(const Config& config,
                                                             journal::Journal& journal,
                                                             journal::DeliveryMemory& deliveries,
                                                             Logger logger) {
  OCTO_ASSIGN(std::vector<source::Hook> hooks, HooksOf(config));
  OCTO_ASSIGN(const source::GitHubOptions github, GitHubOptionsOf(config));
  source::GitHubOptions for_app = github;
  if (config.Has("github.app_key_file")) {
    OCTO_ASSIGN(const std::string key, ReadKey(config.GetString("github.app_key_file")));
    const std::string app = config.GetString("github.app_id");
    // Now, so that a key that cannot be used is known at the start.
    OCTO_TRY(source::MakeAppToken(app, key, SystemClock().Now()));
    for_app.authorization = [app, key]() -> Result<std::string> {
      OCTO_ASSIGN(const std::string made, source::MakeAppToken(app, key, SystemClock().Now()));
      return "Bearer " + made;
    };
  }
  source::RecoveryOptions options;
  options.max_payload_bytes = config.GetBytes("gateway.max_webhook_size");
  OCTO_ASSIGN(auto http, source::MakeHttpClient());
  return std::make_unique<Recoveries>(std::move(hooks), std::move(http), github, for_app, journal,
                                      deliveries, options, logger);
}

nlohmann::ordered_json RecoveriesJson(const std::vector<source::HookRecovery>& reports) {
  auto json = nlohmann::ordered_json::array();
  for (const source::HookRecovery& report : reports) {
    nlohmann::ordered_json entry = {{"hook", report.hook},
                                    {"attempts", report.attempts},
                                    {"missing", report.missing},
                                    {"recovered", report.recovered},
                                    {"lost", report.lost},
                                    {"left", report.left()},
                                    {"error", report.error ? report.error->message : ""}};
    entry["lost_deliveries"] = nlohmann::ordered_json::array();
    for (const source::LostDelivery& lost : report.lost_deliveries) {
      entry["lost_deliveries"].push_back({{"delivery_id", lost.delivery_id},
                                          {"event", lost.event},
                                          {"delivered_at", lost.delivered_at},
                                          {"reason", lost.reason}});
    }
    json.push_back(std::move(entry));
  }
  return json;
}

std::string RecoveryLine(const source::HookRecovery& report) {
  std::string line = report.hook + ": " + Grouped(report.recovered) + " of " +
                     Grouped(report.missing) + " missed deliveries recovered";
  if (report.lost > 0) line += ", " + Grouped(report.lost) + " lost";
  if (report.left() > 0) line += ", " + Grouped(report.left()) + " left";
  return report.error ? line + ": " + report.error->message : line;
}

}  // namespace octolake::cli
