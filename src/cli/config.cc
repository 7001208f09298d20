#include "base/config.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/command.h"
#include "cli/text_table.h"

namespace octolake::cli {
namespace {

int ShowConfig(const Context& context) {
  TextTable table({{"key"}, {"value"}, {"source"}, {"description"}});
  for (const ConfigEntry& entry : context.config.Entries()) {
    table.Add({entry.key, entry.value, entry.source, entry.description});
  }
  std::fputs((context.flags.json ? table.ToJson() : table.ToText()).c_str(), stdout);
  return kDone;
}

}  // namespace

void AddConfigCommand(CLI::App& app, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("config", "The configuration in force, and where each value comes from");
  command->callback([&chosen] { chosen = ShowConfig; });
}

}  // namespace octolake::cli
