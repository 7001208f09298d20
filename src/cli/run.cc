#include "model/run.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "cli/test_report.h"
#include "lake/silver.h"

namespace octolake::cli {
namespace {

using ModelAction = model::ModelReport::Action;

struct RunFlags {
  bool full_refresh = false;
  std::vector<std::string> select;
};

struct PipelineReport {
  lake::SilverReport silver;
  std::vector<model::ModelReport> models;
  std::vector<model::TestReport> tests;
  std::vector<model::FreshnessReport> freshness;
};

const char* ActionName(ModelAction action) {
  switch (action) {
    case ModelAction::kFullRefresh:
      return "full refresh";
    case ModelAction::kAppended:
      return "appended";
    case ModelAction::kOverwritten:
      return "partitions rewritten";
    case ModelAction::kUpToDate:
      return "up to date";
    case ModelAction::kView:
      return "view";
  }
  return "";
}

void SayWarnings(const Context& context, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) context.Say("warning: " + warning);
}

void SaySilver(const Context& context, const lake::SilverReport& report) {
  SayWarnings(context, report.warnings);
  if (!report.rescan_reason.empty()) {
    context.Say("Silver read all of Bronze again: " + report.rescan_reason);
  }
  context.Say("Silver: " + Grouped(report.bronze_rows) + " Bronze rows read, " +
              Grouped(report.added) + " events added, " + Grouped(report.duplicates) +
              " duplicates left out");
}

void SayModel(const Context& context, const model::ModelReport& report) {
  SayWarnings(context, report.warnings);
  std::string line = report.name + ": " + ActionName(report.action);
  if (report.action != ModelAction::kUpToDate && report.action != ModelAction::kView) {
    line += ", " + Grouped(report.rows) + " rows in " + std::to_string(report.partitions.size()) +
            " partitions";
  }
  if (!report.reason.empty()) line += " (" + report.reason + ")";
  context.Say(line);
}

nlohmann::ordered_json ModelsJson(const std::vector<model::ModelReport>& reports) {
  auto json = nlohmann::ordered_json::array();
  for (const model::ModelReport& report : reports) {
    nlohmann::ordered_json entry = {{"name", report.name},
                                    {"action", ActionName(report.action)},
                                    {"rows", report.rows},
                                    {"partitions", report.partitions},
                                    {"seconds", report.seconds}};
    if (!report.reason.empty()) entry["reason"] = report.reason;
    if (report.snapshot_id) entry["snapshot_id"] = *report.snapshot_id;
    json.push_back(std::move(entry));
  }
  return json;
}

void PrintJson(const PipelineReport& report) {
  nlohmann::ordered_json json;
  json["silver"] = {{"bronze_rows", report.silver.bronze_rows},
                    {"added", report.silver.added},
                    {"duplicates", report.silver.duplicates},
                    {"commits", report.silver.commits}};
  if (!report.silver.rescan_reason.empty()) {
    json["silver"]["rescan_reason"] = report.silver.rescan_reason;
  }
  json["models"] = ModelsJson(report.models);
  json["tests"] = TestsJson(report.tests);
  json["freshness"] = FreshnessJson(report.freshness);
  std::printf("%s\n", JsonText(json, 2).c_str());
}

Result<PipelineReport> RunPipeline(const Context& context, const RunFlags& flags,
                                   const model::Bundle& bundle, lake::Warehouse& warehouse) {
  PipelineReport report;
  OCTO_TRY(model::CheckVersions(warehouse, bundle, flags.select));
  OCTO_ASSIGN(report.silver,
              lake::RunSilver(warehouse, SilverOptionsOf(context.config), context.progress));
  SaySilver(context, report.silver);

  model::RunOptions run = RunOptionsOf(context.config);
  run.full_refresh = flags.full_refresh;
  run.select = flags.select;
  OCTO_ASSIGN(report.models, model::RunModels(warehouse, bundle, run, context.progress));
  for (const model::ModelReport& entry : report.models) SayModel(context, entry);

  model::TestOptions test;
  test.select = flags.select;
  test.session = run.session;
  OCTO_ASSIGN(report.tests, model::RunDataTests(warehouse, bundle, test, context.progress));
  SayTests(context, report.tests);
  OCTO_ASSIGN(report.freshness, model::CheckFreshness(warehouse, bundle, run.session));
  SayFreshness(context, report.freshness);
  return report;
}

int Run(const Context& context, const RunFlags& flags) {
  Result<model::Bundle> bundle = LoadBundle();
  if (!bundle) return context.Fail(bundle.error());
  // Before Silver is touched.
  const Status known = model::CheckModelNames(*bundle, flags.select);
  if (!known) return context.FailUsage(known.error());
  auto warehouse = context.OpenWarehouse(false);
  if (!warehouse) return context.Fail(warehouse.error());
  const lake::Namespaces& namespaces = (*warehouse)->namespaces();
  context.RemoveLeftovers(**warehouse, {namespaces.bronze, namespaces.silver, namespaces.gold});
  auto report = RunPipeline(context, flags, *bundle, **warehouse);
  context.progress.Clear();
  // Of a process that was killed before it had made its tables.
  context.RemoveLeftovers(**warehouse);
  if (!report) return context.Fail(report.error());
  if (context.flags.json) PrintJson(*report);
  return TestStatus(report->tests);
}

}  // namespace

void AddRunCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command =
      app.add_subcommand("run", "Bronze to Silver to Gold, then the data tests, once");
  command->add_flag("--full-refresh", flags->full_refresh, "Compute the models from all of Silver");
  command->add_option("--select", flags->select, "Only these models and their tests")
      ->type_name("MODEL");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Run(context, *flags); };
  });
}

}  // namespace octolake::cli
