#include "cli/program.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>

#include "cli/command.h"
#include "cli/config_keys.h"

namespace octolake::cli {
namespace {

void AddGlobalFlags(CLI::App& app, GlobalFlags& flags) {
  app.add_option("--warehouse", flags.warehouse,
                 "Warehouse: a directory, or s3://BUCKET/PREFIX (default ./warehouse)")
      ->type_name("DIR");
  app.add_option("--config", flags.config_file, "Configuration file (YAML)")->type_name("FILE");
  app.add_flag("--json", flags.json, "Results as JSON on stdout");
  app.add_flag("--quiet,-q", flags.quiet, "No progress, no remarks");
}

void AddCommands(CLI::App& app, Action& chosen) {
  app.require_subcommand(1);
  AddUpCommand(app, chosen);
  AddLoadCommand(app, chosen);
  AddIngestCommand(app, chosen);
  AddRunCommand(app, chosen);
  AddTestCommand(app, chosen);
  AddSqlCommand(app, chosen);
  AddTablesCommand(app, chosen);
  AddMaintainCommand(app, chosen);
  AddJobsCommand(app, chosen);
  AddRecoverCommand(app, chosen);
  AddPollCommand(app, chosen);
  AddJournalCommand(app, chosen);
  AddGenerateCommand(app, chosen);
  AddDoctorCommand(app, chosen);
  AddConfigCommand(app, chosen);
  AddCompletionCommand(app, chosen);
  AddManCommand(app, chosen);
  AddVersionCommand(app, chosen);
  for (CLI::App* command : app.get_subcommands({})) {
    command->fallthrough();
    command->footer("Every command takes --warehouse DIR, --config FILE, --json and --quiet.");
  }
}

Result<Config> LoadConfig(const GlobalFlags& flags) {
  std::map<std::string, std::string> overrides;
  if (!flags.warehouse.empty()) overrides["warehouse"] = flags.warehouse;
  std::optional<std::string> file;
  if (!flags.config_file.empty()) file = flags.config_file;
  std::map<std::string, std::string> environment = ProcessEnvironment();
  // Not configuration: it tells the tests where their data is.
  environment.erase("OCTOLAKE_TEST_DATA");
  return Config::Load(ConfigKeys(), overrides, environment, file, ConfigKeyGroups());
}

int Usage(const std::string& message) {
  std::fprintf(stderr, "octolake: %s\n", message.c_str());
  return kWrongUsage;
}

int RunChosen(const CLI::App& app, const GlobalFlags& flags, const Action& chosen) {
  Result<Config> config = LoadConfig(flags);
  if (!config) return Usage(config.error().message);
  Result<LogFormat> format = ParseLogFormat(config->GetString("log.format"));
  if (!format) return Usage("log.format: " + format.error().message);
  Result<Logger> logger = MakeStderrLogger({config->GetString("log.level"), *format});
  if (!logger) return Usage("log.level: " + logger.error().message);
  ProgressBar progress(SystemClock(), isatty(STDERR_FILENO) != 0 && !flags.quiet);
  return chosen(Context{flags, *config, *logger, progress, app});
}

}  // namespace

int RunProgram(int argc, const char* const* argv) {
  // Writing beyond the limit on file sizes is to fail as any other write does, with an error that
  // names the file; left alone, the signal would end the program half way.
  std::signal(SIGXFSZ, SIG_IGN);
  // Whoever started this program may have had it ignored, which is inherited: then no exit status
  // of a command could be learned.
  std::signal(SIGCHLD, SIG_DFL);
  GlobalFlags flags;
  Action chosen;
  CLI::App app("GitHub events to Apache Iceberg tables: Bronze, Silver, Gold", "octolake");
  try {
    AddGlobalFlags(app, flags);
    AddCommands(app, chosen);
    app.footer(
        "Exit status: 0 done, 1 failed (also in part), 2 wrong usage, 3 a data test failed.");
    app.parse(argc, argv);
    return RunChosen(app, flags, chosen);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kDone : kWrongUsage;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "octolake: unexpected: %s\n", e.what());
    return kFailed;
  }
}

}  // namespace octolake::cli
