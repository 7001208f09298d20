#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/command.h"

namespace octolake::cli {
namespace {

int ShowVersion(const Context& context) {
  if (context.flags.json) {
    std::printf("%s\n", nlohmann::json({{"version", OCTOLAKE_VERSION}}).dump().c_str());
  } else {
    std::printf("octolake %s\n", OCTOLAKE_VERSION);
  }
  return kDone;
}

}  // namespace

void AddVersionCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("version", "The program's version");
  command->callback([&chosen] { chosen = ShowVersion; });
}

}  // namespace octolake::cli
