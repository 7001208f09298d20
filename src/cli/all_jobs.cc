#include "cli/all_jobs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cli/custom_jobs.h"
#include "cli/standing_jobs.h"

namespace octolake::cli {
namespace {

constexpr char kThisProgram[] = "/proc/self/exe";

Result<CommandSetting> SettingOf(const Context& context, const lake::Warehouse& warehouse) {
  CommandSetting setting;
  std::error_code error;
  setting.program = std::filesystem::read_symlink(kThisProgram, error).string();
  if (error) {
    return MakeError(ErrorKind::kIo, std::string("cannot read ") + kThisProgram + ": " +
                                         error.message() + "; jobs.custom needs it");
  }
  setting.config_file = context.flags.config_file;
  setting.warehouse = warehouse.directory();
  for (const CLI::App* command : context.app.get_subcommands({})) {
    setting.commands.push_back(command->get_name());
  }
  return setting;
}

}  // namespace

Result<std::vector<schedule::Job>> MakeAllJobs(const Context& context, lake::Warehouse& warehouse,
                                               Pipeline& pipeline,
                                               maintain::SmallFileWatch& small_files,
                                               JobsOf which) {
  OCTO_ASSIGN(auto jobs, MakeStandingJobs(context.config, warehouse, pipeline, small_files));
  const auto standing = static_cast<ptrdiff_t>(jobs.size());
  const auto wanted = [&] {
    if (which == JobsOf::kOperatorOnly) jobs.erase(jobs.begin(), jobs.begin() + standing);
    return std::move(jobs);
  };
  if (context.config.Members(kCustomJobs).empty()) return wanted();
  OCTO_ASSIGN(CommandSetting setting, SettingOf(context, warehouse));
  OCTO_ASSIGN(auto custom, MakeCustomJobs(context.config, std::move(setting)));
  for (schedule::Job& job : custom) {
    const bool taken = std::any_of(jobs.begin(), jobs.end(),
                                   [&](const auto& other) { return other.name == job.name; });
    if (taken) {
      return MakeError(ErrorKind::kInvalidArgument,
                       std::string(kCustomJobs) + "." + job.name +
                           ": octolake has a job of that name; give this one another");
    }
    jobs.push_back(std::move(job));
  }
  return wanted();
}

}  // namespace octolake::cli
