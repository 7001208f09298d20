#include "lake/load.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "datafile/idle_memory.h"
#include "source/archive_hours.h"
#include "source/download_ahead.h"
#include "source/http_text.h"

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
    case Outcome::kMissing:
      return "missing";
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
    case Outcome::kMissing:
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
  std::printf("%s\n", JsonText(json, 2).c_str());
}

int Report(const Context& context, const lake::LoadReport& report) {
  for (const std::string& warning : report.warnings) context.Say("warning: " + warning);
  int64_t skipped = 0;
  int64_t missing = 0;
  bool damaged = false;
  for (const lake::FileReport& file : report.files) {
    SayFile(context, file);
    skipped += file.outcome == Outcome::kSkipped ? 1 : 0;
    missing += file.outcome == Outcome::kMissing ? 1 : 0;
    damaged = damaged || file.outcome == Outcome::kPartial || file.outcome == Outcome::kFailed;
  }
  if (missing > 0) {
    context.Say("warning: " + Grouped(missing) + " of " +
                Grouped(static_cast<int64_t>(report.files.size())) + " files are not there");
  }
  if (context.flags.json) {
    PrintJson(report);
  } else {
    std::printf("Loaded %s events into Bronze, %s rejected; %zu files, %s of them loaded before.\n",
                Grouped(report.events).c_str(), Grouped(report.rejected).c_str(),
                report.files.size(), Grouped(skipped).c_str());
  }
  return damaged || missing > 0 ? kFailed : kDone;
}

// Files and URLs, those of hours among them. A file of that name comes first.
Result<std::vector<std::string>> Expand(const Context& context,
                                        const std::vector<std::string>& sources) {
  std::string archive = context.config.GetString("load.archive_url");
  while (archive.ends_with('/')) archive.pop_back();
  std::vector<std::string> expanded;
  for (const std::string& source : sources) {
    std::error_code error;
    const bool exists = std::filesystem::exists(source, error);
    auto hours = exists ? std::nullopt : source::ExpandHours(source, archive);
    if (hours) {
      if (!*hours) return tl::unexpected<Error>(std::move(hours)->error());
      const Status usable = source::CheckUrl(archive);
      if (!usable) return WithContext(usable.error(), "load.archive_url");
      expanded.insert(expanded.end(), (*hours)->begin(), (*hours)->end());
      continue;
    }
    if (!exists && lake::IsRemote(source)) OCTO_TRY(source::CheckUrl(source));
    expanded.push_back(source);
  }
  return lake::ExpandSources(expanded);
}

int Load(const Context& context, const LoadFlags& flags) {
  // Threads read files and end with them; another's arena would keep what they had.
  datafile::LimitArenas();
  Result<std::vector<std::string>> paths = Expand(context, flags.sources);
  if (!paths) return context.FailByKind(paths.error());
  auto warehouse = context.OpenWarehouse(true);
  if (!warehouse) return context.Fail(warehouse.error());
  context.RemoveLeftovers(**warehouse, {(*warehouse)->namespaces().bronze});
  source::DownloadAheadOptions ahead;
  ahead.bytes_ahead = context.config.GetBytes("load.commit_bytes");
  const auto remote =
      source::MakeDownloadAhead((*warehouse)->state_directory() + "/.downloads", std::move(ahead));
  lake::LoadOptions options;
  options.remote = remote.get();
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
                   "Files, directories, globs or URLs (plain, gzip or zstd), hours of GH Archive "
                   "such as 2015-01-01-15 or 2015-01-{01..31}-{0..23}; - for standard input")
      ->required();
  command->add_flag("--again", flags->again,
                    "Load also what was loaded before (Silver deduplicates)");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Load(context, *flags); };
  });
}

}  // namespace octolake::cli
