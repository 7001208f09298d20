#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "cli/test_report.h"
#include "model/run.h"

namespace octolake::cli {
namespace {

struct TestFlags {
  std::vector<std::string> select;
  bool store_failures = false;
  bool freshness = false;
};

int Test(const Context& context, const TestFlags& flags) {
  Result<model::Bundle> bundle = LoadBundle();
  if (!bundle) return context.Fail(bundle.error());
  const Status known = model::CheckTestNames(*bundle, flags.select);
  if (!known) return context.FailUsage(known.error());
  auto warehouse = context.OpenWarehouse(false);
  if (!warehouse) return context.Fail(warehouse.error());
  model::TestOptions options;
  options.select = flags.select;
  options.store_failures = flags.store_failures;
  options.session = SessionOptionsOf(context.config);
  auto tests = model::RunDataTests(**warehouse, *bundle, options, context.progress);
  if (!tests) return context.Fail(tests.error());
  auto freshness = model::CheckFreshness(**warehouse, *bundle, options.session);
  if (!freshness) return context.Fail(freshness.error());
  context.progress.Clear();
  SayTests(context, *tests);
  SayFreshness(context, *freshness);
  if (context.flags.json) {
    nlohmann::ordered_json json;
    json["tests"] = TestsJson(*tests);
    json["freshness"] = FreshnessJson(*freshness);
    std::printf("%s\n", JsonText(json, 2).c_str());
  }
  const bool stale =
      std::any_of(freshness->begin(), freshness->end(), [](const model::FreshnessReport& report) {
        return report.outcome == model::FreshnessReport::Outcome::kStale ||
               report.outcome == model::FreshnessReport::Outcome::kEmpty;
      });
  const int status = TestStatus(*tests);
  return status == kDone && flags.freshness && stale ? kTestsFailed : status;
}

}  // namespace

void AddTestCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<TestFlags>();
  CLI::App* command = app.add_subcommand("test", "Data tests and source freshness, nothing else");
  command->add_option("--select", flags->select, "Only tests of these models or sources")
      ->type_name("MODEL");
  command->add_flag("--store-failures", flags->store_failures,
                    "Keep the failing rows in the namespace test_failures");
  command->add_flag("--freshness", flags->freshness, "A stale source is a failed test");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Test(context, *flags); };
  });
}

}  // namespace octolake::cli
