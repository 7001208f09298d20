#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/command.h"
#include "cli/config_keys.h"

namespace octolake::cli {
namespace {

// Text for roff: backslashes, hyphens and leading control characters escaped.
std::string Roff(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  if (!out.empty() && (out.front() == '.' || out.front() == '\'')) out.insert(0, "\\&");
  return out;
}

std::string OptionsSection(const CLI::App& app) {
  std::string page;
  for (const CLI::Option* option : app.get_options()) {
    page += ".TP\n.B " + Roff(option->get_name(false, true)) + "\n" +
            Roff(option->get_description()) + "\n";
  }
  return page;
}

std::string ManPage(const CLI::App& app) {
  std::string page = ".TH OCTOLAKE 1 \"\" \"octolake " OCTOLAKE_VERSION "\" \"User commands\"\n";
  page += ".SH NAME\noctolake \\- " + Roff(app.get_description()) + "\n";
  page += ".SH SYNOPSIS\n.B octolake\n.I COMMAND\n[\\fIoption\\fR ...]\n";
  page += ".SH OPTIONS OF EVERY COMMAND\n" + OptionsSection(app);
  page += ".SH COMMANDS\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    page += ".SS " + Roff(command->get_name()) + "\n" + Roff(command->get_description()) + ".\n" +
            OptionsSection(*command);
  }
  page +=
      ".SH CONFIGURATION\nKeys of the file given with \\-\\-config, and the environment "
      "variables that set them.\n";
  for (const ConfigKey& key : ConfigKeys()) {
    page += ".TP\n.B " + Roff(key.name + ", " + ConfigEnvironmentName(key.name)) + "\n" +
            Roff(key.description) +
            (key.default_text.empty() ? "" : " (" + Roff(key.default_text) + ")") + "\n";
  }
  page +=
      ".SH EXIT STATUS\n.TP\n.B 0\nDone; rejected events are counted, not a failure.\n"
      ".TP\n.B 1\nFailed, also in part: what is good was committed.\n"
      ".TP\n.B 2\nWrong usage; nothing was done.\n"
      ".TP\n.B 3\nA data test of severity error failed; the tables are committed.\n";
  return page;
}

int PrintManPage(const Context& context) {
  std::fputs(ManPage(context.app).c_str(), stdout);
  return kDone;
}

}  // namespace

void AddManCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page: octolake man | man -l -");
  command->callback([&chosen] { chosen = PrintManPage; });
}

}  // namespace octolake::cli
