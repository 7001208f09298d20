#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/command.h"

namespace octolake::cli {
namespace {

// The long and short options of a command, separated by spaces.
std::string OptionNames(const CLI::App& app) {
  std::string names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names += " --" + name;
    for (const std::string& name : option->get_snames()) names += " -" + name;
  }
  return names.empty() ? names : names.substr(1);
}

std::string CommandNames(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands({})) names += " " + command->get_name();
  return names.empty() ? names : names.substr(1);
}

std::string BashScript(const CLI::App& app) {
  std::string script =
      "_octolake() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} command= word options\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    [[ $word == -* ]] || { command=$word; break; }\n"
      "  done\n"
      "  case $command in\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    script += "    " + command->get_name() + ") options=\"" + OptionNames(*command) + " " +
              OptionNames(app) + "\" ;;\n";
  }
  script += "    *) options=\"" + CommandNames(app) + " " + OptionNames(app) +
            "\" ;;\n"
            "  esac\n"
            "  COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
            "  [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
            "}\n"
            "complete -o filenames -F _octolake octolake\n";
  return script;
}

std::string ZshScript(const CLI::App& app) {
  return "#compdef octolake\nautoload -U +X bashcompinit && bashcompinit\n" + BashScript(app);
}

std::string FishScript(const CLI::App& app) {
  std::string script;
  for (const CLI::App* command : app.get_subcommands({})) {
    script += "complete -c octolake -n __fish_use_subcommand -a " + command->get_name() + " -d '" +
              command->get_description() + "'\n";
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        script += "complete -c octolake -n '__fish_seen_subcommand_from " + command->get_name() +
                  "' -l " + name + "\n";
      }
    }
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      script += "complete -c octolake -l " + name + "\n";
    }
  }
  return script;
}

int PrintCompletion(const Context& context, const std::string& shell) {
  const CLI::App& app = context.app;
  const std::string script = shell == "bash"  ? BashScript(app)
                             : shell == "zsh" ? ZshScript(app)
                                              : FishScript(app);
  std::fputs(script.c_str(), stdout);
  return kDone;
}

}  // namespace

void AddCompletionCommand(CLI::App& app, Action& chosen) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "completion", "Print shell completion: source <(octolake completion bash)");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &chosen] {
    chosen = [shell](const Context& context) { return PrintCompletion(context, *shell); };
  });
}

}  // namespace octolake::cli
