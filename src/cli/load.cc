#include "lake/load.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/command.h"
#include "cli/config_keys.h"

namespace octolake::cli {
namespace {

using Outcome = lake::FileReport::Outcome;

struct LoadFlags {
  std::vector<std::string> sources;
  bool again = false;
};

const char* OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kLoaded:
      return "loaded";
    case Outcome::kSkipped:
      return "skipped";
    case Outcome::kPartial:
      return "partial";
    case Outcome::kFailed:
      return "failed";
  }
  return "";
}

void SayFile(const Context& context, const lake::FileReport& file) {
  switch (file.outcome) {
    case Outcome::kLoaded:
      context.Say("  " + file.name + ": " + Grouped(file.events) + " events" +
                  (file.rejected > 0 ? ", " + Grouped(file.rejected) + " rejected" : ""));
      break;
    case Outcome::kSkipped:
      context.Say("  " + file.name + ": loaded before, skipped");
      break;
    case Outcome::kPartial:
    case Outcome::kFailed:
      context.Fail({ErrorKind::kIo, file.error});
      break;
  }
}

void PrintJson(const lake::LoadReport& report) {
  nlohmann::ordered_json json;
  json["events"] = report.events;
  json["rejected"] = report.rejected;
  json["commits"] = report.commits;
  json["files"] = nlohmann::ordered_json::array();
  for (const lake::FileReport& file : report.files) {
    nlohmann::ordered_json entry = {{"name", file.name},
                                    {"outcome", OutcomeName(file.outcome)},
                                    {"bytes", file.bytes},
                                    {"events", file.events},
                                    {"rejected", file.rejected}};
    if (!file.error.empty()) entry["error"] = file.error;
    json["files"].push_back(std::move(entry));
  }
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

int Report(const Context& context, const lake::LoadReport& report) {
  for (const std::string& warning : report.warnings) context.Say("warning: " + warning);
  int64_t skipped = 0;
  bool damaged = false;
  for (const lake::FileReport& file : report.files) {
    SayFile(context, file);
    skipped += file.outcome == Outcome::kSkipped ? 1 : 0;
    damaged = damaged || file.outcome == Outcome::kPartial || file.outcome == Outcome::kFailed;
  }
  if (context.flags.json) {
    PrintJson(report);
  } else {
    std::printf("Loaded %s events into Bronze, %s rejected; %zu files, %s of them loaded before.\n",
                Grouped(report.events).c_str(), Grouped(report.rejected).c_str(),
                report.files.size(), Grouped(skipped).c_str());
  }
  return damaged ? kFailed : kDone;
}

int Load(const Context& context, const LoadFlags& flags) {
  Result<std::vector<std::string>> paths = lake::ExpandSources(flags.sources);
  if (!paths) return context.Fail(paths.error());
  auto warehouse = context.OpenWarehouse(true);
  if (!warehouse) return context.Fail(warehouse.error());
  context.RemoveLeftovers(**warehouse, {(*warehouse)->namespaces().bronze});
  lake::LoadOptions options;
  options.again = flags.again;
  options.commit_bytes = context.config.GetBytes("load.commit_bytes");
  options.commit_files = context.config.GetInt("load.commit_files");
  options.max_document_bytes = context.config.GetBytes("load.max_document_size");
  options.writer = WriterOptionsOf(context.config);
  options.retention = RetentionPolicyOf(context.config);
  auto report = lake::LoadFiles(**warehouse, *paths, options, context.progress);
  context.progress.Clear();
  // Of a process that was killed before it had made its tables.
  context.RemoveLeftovers(**warehouse);
  if (!report) return context.Fail(report.error());
  return Report(context, *report);
}

}  // namespace

void AddLoadCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<LoadFlags>();
  CLI::App* command = app.add_subcommand("load", "Load event files into Bronze");
  command
      ->add_option("source", flags->sources,
                   "Files, directories or globs (plain, gzip or zstd); - for standard input")
      ->required();
  command->add_flag("--again", flags->again,
                    "Load also what was loaded before (Silver deduplicates)");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Load(context, *flags); };
  });
}

}  // namespace octolake::cli
