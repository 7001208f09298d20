// What every command is given, and how commands are made known to the program.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/logging.h"
#include "base/result.h"
#include "cli/exit_status.h"
#include "cli/progress_bar.h"
#include "lake/warehouse.h"
#include "model/bundle.h"

namespace CLI {
class App;
}

namespace octolake::cli {

// Options that every command takes.
struct GlobalFlags {
  std::string warehouse;
  std::string config_file;
  bool json = false;
  bool quiet = false;
};

struct Context {
  const GlobalFlags& flags;
  const Config& config;
  Logger logger;
  ProgressBar& progress;
  const CLI::App& app;

  // Opens the configured warehouse.
  Result<std::unique_ptr<lake::Warehouse>> OpenWarehouse(bool create_if_missing) const;
  // The same for commands that work on a journal or on the runs of jobs, which must be found again
  // at the next start: kInvalidArgument if the place depends on the working directory.
  Result<std::unique_ptr<lake::Warehouse>> OpenWarehouseWithState(bool create_if_missing) const;
  // Removes what killed processes left behind, and old metadata of the tables of some namespaces
  // that lost its race, and says so. What cannot be removed stops nobody.
  void RemoveLeftovers(lake::Warehouse& warehouse,
                       const std::vector<std::string>& namespaces = {}) const;
  // Writes a line to stderr unless --quiet, above the progress bar.
  void Say(const std::string& line) const;
  // Writes an error to stderr and gives kFailed.
  int Fail(const Error& error) const;
  // The same for what the user asked for wrongly; gives kWrongUsage.
  int FailUsage(const Error& error) const;
  // FailUsage for kInvalidArgument, Fail for every other kind.
  int FailByKind(const Error& error) const;
};

// Set by the parser to what the chosen command does; its result is the exit status.
using Action = std::function<int(const Context&)>;

// Each adds one command to the program (one file each).
void AddUpCommand(CLI::App& app, Action& chosen);
void AddLoadCommand(CLI::App& app, Action& chosen);
void AddIngestCommand(CLI::App& app, Action& chosen);
void AddRunCommand(CLI::App& app, Action& chosen);
void AddTestCommand(CLI::App& app, Action& chosen);
void AddSqlCommand(CLI::App& app, Action& chosen);
void AddTablesCommand(CLI::App& app, Action& chosen);
void AddMaintainCommand(CLI::App& app, Action& chosen);
void AddJobsCommand(CLI::App& app, Action& chosen);
void AddRecoverCommand(CLI::App& app, Action& chosen);
void AddPollCommand(CLI::App& app, Action& chosen);
void AddJournalCommand(CLI::App& app, Action& chosen);
void AddGenerateCommand(CLI::App& app, Action& chosen);
void AddConfigCommand(CLI::App& app, Action& chosen);
void AddDoctorCommand(CLI::App& app, Action& chosen);
void AddVersionCommand(CLI::App& app, Action& chosen);
void AddCompletionCommand(CLI::App& app, Action& chosen);
void AddManCommand(CLI::App& app, Action& chosen);

// The models this program was built with.
Result<model::Bundle> LoadBundle();

// "1,234,567"
std::string Grouped(int64_t number);

}  // namespace octolake::cli
