#include "cli/custom_jobs.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/string_util.h"
#include "base/thread.h"
#include "cli/scheduled_job.h"
#include "io/child_process.h"

namespace octolake::cli {
namespace {

using schedule::Job;
using schedule::JobContext;

// Less than what `up` waits for its jobs when it ends.
constexpr std::chrono::milliseconds kGrace{2'500};
// Of its last line that a message has.
constexpr size_t kMaxLastLine = 1'000;

tl::unexpected<Error> Refuse(const std::string& key, const std::string& why) {
  return MakeError(ErrorKind::kInvalidArgument, key + ": " + why);
}

// What logs and messages can have of a line, wherever they are shown: so many bytes of it, as valid
// UTF-8, without control characters.
std::string CleanLine(std::string_view line, size_t most) {
  std::string text(line.substr(0, most));
  if (text.size() < line.size()) {
    // Not half a character.
    while (!text.empty() && (static_cast<unsigned char>(line[text.size()]) & 0xC0) == 0x80) {
      text.pop_back();
    }
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') c = ' ';
  }
  const std::string quoted = JsonText(nlohmann::json(text));
  return nlohmann::json::parse(quoted).get<std::string>();
}

std::string HowItEnded(const io::ChildEnd& end) {
  std::string how = end.signal == 0 ? "exit status " + std::to_string(end.exit_status)
                                    : "signal " + std::to_string(end.signal) + " (" +
                                          ::strsignal(end.signal) + ")";
  if (!end.last_line.empty()) how += "; its last line: " + CleanLine(end.last_line, kMaxLastLine);
  return how;
}

Result<std::string> RunCommand(const std::vector<std::string>& arguments,
                               const CommandSetting& setting, const JobContext& context) {
  YieldToOthers();
  io::ChildCommand command;
  command.arguments = arguments;
  command.environment = {{"OCTOLAKE_WAREHOUSE", setting.warehouse}};
  command.on_line = [&](std::string_view line) {
    context.logger->info("{}", CleanLine(line, io::kMaxChildLine));
  };
  command.stop = context.stop;
  command.grace = kGrace;
  OCTO_ASSIGN(const io::ChildEnd end, io::RunChild(command));
  // Asked to end, it may have left its work half done, whatever it says.
  if (end.signal == 0 && end.exit_status == 0 && !end.asked_to_end) {
    return nlohmann::ordered_json{{"cpu_seconds", end.cpu_seconds},
                                  {"peak_memory_bytes", end.peak_memory_bytes}}
        .dump();
  }
  return MakeError(ErrorKind::kTransient, arguments.front() +
                                              (end.asked_to_end ? " was asked to end, and" : "") +
                                              " ended with " + HowItEnded(end));
}

class CustomJobs {
 public:
  CustomJobs(const Config& config, CommandSetting setting)
      : config_(config), setting_(std::make_shared<const CommandSetting>(std::move(setting))) {}

  Result<Job> Make(const std::string& name) const;

 private:
  Result<Job> Scheduled(const std::string& name, const std::string& prefix) const;
  Result<std::vector<std::string>> CommandOf(const std::string& prefix) const;
  Result<schedule::CatchUp> CatchUpOf(const std::string& key) const;

  const Config& config_;
  const std::shared_ptr<const CommandSetting> setting_;
};

Result<Job> CustomJobs::Scheduled(const std::string& name, const std::string& prefix) const {
  const std::string own_zone = prefix + "time_zone";
  OCTO_ASSIGN(const schedule::TimeZone zone,
              TimeZoneOf(config_, config_.Has(own_zone) ? own_zone : "jobs.time_zone"));
  const std::string key = prefix + "schedule";
  if (!config_.Has(key)) {
    return Refuse(key, "a schedule is missing, such as \"0 5 * * *\", \"every 10m\" or off");
  }
  return ScheduledJob(name, key, config_.GetString(key), zone);
}

Result<std::vector<std::string>> CustomJobs::CommandOf(const std::string& prefix) const {
  const std::vector<std::string>& ours = config_.GetArguments(prefix + "octolake");
  const std::vector<std::string>& any = config_.GetArguments(prefix + "command");
  if (ours.empty() == any.empty()) {
    return Refuse(prefix + "octolake", "expected this, the arguments of an octolake command, or " +
                                           prefix + "command, a program and its arguments");
  }
  if (ours.empty()) {
    if (!any.front().empty()) return any;
    return Refuse(prefix + "command",
                  "expected a program and its arguments, found a program without a name");
  }
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
  OCTO_ASSIGN(Job job, Scheduled(name, prefix));
  OCTO_ASSIGN(std::vector<std::string> command, CommandOf(prefix));
  OCTO_ASSIGN(job.catch_up, CatchUpOf(prefix + "catch_up"));
  job.work = [command = std::move(command), setting = setting_](const JobContext& context) {
    return RunCommand(command, *setting, context);
  };
  job.retry.retries = static_cast<int>(config_.GetInt(prefix + "retries"));
  job.time_limit_micros = config_.GetMicros(prefix + "time_limit");
  return job;
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
