#include "cli/custom_jobs.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/arguments.h"
#include "base/string_util.h"
#include "base/thread.h"
#include "io/child_process.h"

namespace octolake::cli {
namespace {

using schedule::Job;
using schedule::JobContext;

// Less than what `up` waits for its jobs when it ends.
constexpr std::chrono::milliseconds kGrace{2'500};

tl::unexpected<Error> Refuse(const std::string& key, const std::string& why) {
  return MakeError(ErrorKind::kInvalidArgument, key + ": " + why);
}

Result<std::string> RunCommand(const std::vector<std::string>& arguments,
                               const CommandSetting& setting, const JobContext& context) {
  YieldToOthers();
  io::ChildCommand command;
  command.arguments = arguments;
  command.environment = {{"OCTOLAKE_WAREHOUSE", setting.warehouse}};
  command.on_line = [&](std::string_view line) { context.logger->info("{}", line); };
  command.stop = context.stop;
  command.grace = kGrace;
  OCTO_ASSIGN(const io::ChildEnd end, io::RunChild(command));
  if (end.signal == 0 && end.exit_status == 0) {
    return nlohmann::ordered_json{{"cpu_seconds", end.cpu_seconds},
                                  {"peak_memory_bytes", end.peak_memory_bytes}}
        .dump();
  }
  const std::string how = end.signal == 0 ? "exit status " + std::to_string(end.exit_status)
                                          : "signal " + std::to_string(end.signal) + " (" +
                                                ::strsignal(end.signal) + ")";
  return MakeError(ErrorKind::kTransient,
                   arguments.front() + " ended with " + how +
                       (end.last_line.empty() ? "" : "; its last line: " + end.last_line));
}

class CustomJobs {
 public:
  CustomJobs(const Config& config, CommandSetting setting)
      : config_(config), setting_(std::make_shared<const CommandSetting>(std::move(setting))) {}

  Result<Job> Make(const std::string& name) const;

 private:
  Result<schedule::Schedule> ScheduleOf(const std::string& prefix) const;
  Result<std::vector<std::string>> CommandOf(const std::string& prefix) const;
  Result<schedule::CatchUp> CatchUpOf(const std::string& key) const;

  const Config& config_;
  const std::shared_ptr<const CommandSetting> setting_;
};

Result<schedule::Schedule> CustomJobs::ScheduleOf(const std::string& prefix) const {
  const std::string zone_key =
      config_.Has(prefix + "time_zone") ? prefix + "time_zone" : std::string("jobs.time_zone");
  const auto zone = schedule::TimeZone::Load(config_.GetString(zone_key));
  if (!zone) return Refuse(zone_key, zone.error().message);
  const std::string key = prefix + "schedule";
  if (!config_.Has(key)) {
    return Refuse(key, "a schedule is missing, such as \"0 5 * * *\", \"every 10m\" or off");
  }
  const std::string& text = config_.GetString(key);
  auto schedule = schedule::Schedule::Parse(text == "off" ? "@daily" : text, *zone);
  if (!schedule) return WithContext(std::move(schedule).error(), key);
  return schedule;
}

Result<std::vector<std::string>> CustomJobs::CommandOf(const std::string& prefix) const {
  const std::vector<std::string>& ours = config_.GetArguments(prefix + "octolake");
  const std::vector<std::string>& any = config_.GetArguments(prefix + "command");
  if (ours.empty() == any.empty()) {
    return Refuse(prefix + "octolake", "expected this, the arguments of an octolake command, or " +
                                           prefix + "command, a program and its arguments");
  }
  if (ours.empty()) return any;
  const std::vector<std::string>& known = setting_->commands;
  if (std::find(known.begin(), known.end(), ours.front()) == known.end()) {
    return Refuse(prefix + "octolake",
                  "there is no command '" + ours.front() + "'" + DidYouMean(ours.front(), known));
  }
  if (ours.front() == "up") {
    return Refuse(prefix + "octolake", "'up' never ends: expected a command that does");
  }
  std::vector<std::string> all = {setting_->program};
  if (!setting_->config_file.empty()) {
    all.insert(all.end(), {"--config", setting_->config_file});
  }
  all.insert(all.end(), ours.begin(), ours.end());
  return all;
}

Result<schedule::CatchUp> CustomJobs::CatchUpOf(const std::string& key) const {
  using enum schedule::CatchUp;
  const std::string& text = config_.GetString(key);
  if (text == "none") return kNone;
  if (text == "one") return kOne;
  if (text == "always") return kAlways;
  return Refuse(key, "expected none, one or always, found '" + text + "'");
}

Result<Job> CustomJobs::Make(const std::string& name) const {
  const std::string prefix = std::string(kCustomJobs) + "." + name + ".";
  if (!schedule::IsJobName(name)) {
    return Refuse(prefix.substr(0, prefix.size() - 1),
                  "expected a name of at most 64 lower-case letters, digits, - and _, that begins "
                  "with a letter");
  }
  OCTO_ASSIGN(schedule::Schedule schedule, ScheduleOf(prefix));
  OCTO_ASSIGN(std::vector<std::string> command, CommandOf(prefix));
  OCTO_ASSIGN(const schedule::CatchUp catch_up, CatchUpOf(prefix + "catch_up"));
  const int retries = static_cast<int>(config_.GetInt(prefix + "retries"));
  return Job{
      .name = name,
      .schedule = std::move(schedule),
      .enabled = config_.GetString(prefix + "schedule") != "off",
      .work = [command = std::move(command), setting = setting_](
                  const JobContext& context) { return RunCommand(command, *setting, context); },
      .retry = {.retries = retries},
      .time_limit_micros = config_.GetMicros(prefix + "time_limit"),
      .catch_up = catch_up};
}

}  // namespace

Result<std::vector<Job>> MakeCustomJobs(const Config& config, CommandSetting setting) {
  const std::vector<std::string> names = config.Members(kCustomJobs);
  if (names.size() > kMostCustomJobs) {
    return Refuse(kCustomJobs, "expected at most " + std::to_string(kMostCustomJobs) +
                                   " jobs, found " + std::to_string(names.size()));
  }
  const CustomJobs custom(config, std::move(setting));
  std::vector<Job> jobs;
  for (const std::string& name : names) {
    OCTO_ASSIGN(Job job, custom.Make(name));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

}  // namespace octolake::cli
