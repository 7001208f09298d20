#include "cli/command.h"

#include <cstdio>

#include "base/random.h"
#include "base/units.h"
#include "cli/config_keys.h"
#include "lake/leftovers.h"

namespace octolake::cli {
namespace {

void SayRemoved(const Context& context, const lake::LeftoverReport& report, const std::string& what,
                const std::string& which) {
  if (report.files > 0) {
    context.Say("Removed " + Grouped(report.files) + " " + what + " (" + HumanSize(report.bytes) +
                ") " + which);
  }
  for (const std::string& line : report.kept) context.Say(line);
}

}  // namespace

Result<std::unique_ptr<lake::Warehouse>> Context::OpenWarehouse(bool create_if_missing) const {
  lake::WarehouseOptions options = WarehouseOptionsOf(config);
  options.create_if_missing = create_if_missing;
  return lake::Warehouse::Open(options, SystemClock(), SystemRandom());
}

Result<std::unique_ptr<lake::Warehouse>> Context::OpenWarehouseWithState(
    bool create_if_missing) const {
  const std::string& warehouse = config.GetString("warehouse");
  if (io::IsS3Location(warehouse) && config.GetString("state_directory").empty()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "warehouse " + warehouse +
                         ": the journal and the runs of jobs are kept in a local directory, and "
                         "none is configured; set state_directory, such as /var/lib/octolake, to "
                         "the same directory at every start");
  }
  return OpenWarehouse(create_if_missing);
}

void Context::RemoveLeftovers(lake::Warehouse& warehouse,
                              const std::vector<std::string>& namespaces) const {
  const Result<lake::LeftoverReport> report = lake::RemoveLeftovers(warehouse);
  if (!report) {
    Say("Nothing was cleaned up: " + report.error().message);
  } else {
    SayRemoved(*this, *report, "files", "that a process which ended too early had left behind");
  }
  for (const std::string& name_space : namespaces) {
    SayRemoved(*this, lake::RemoveStrayMetadata(warehouse, name_space), "old metadata files",
               "of " + name_space + " that no table names any more");
  }
}

void Context::Say(const std::string& line) const {
  if (flags.quiet) return;
  progress.Clear();
  std::fprintf(stderr, "%s\n", line.c_str());
}

int Context::Fail(const Error& error) const {
  progress.Clear();
  std::fprintf(stderr, "octolake: %s\n", error.message.c_str());
  return kFailed;
}

int Context::FailUsage(const Error& error) const {
  Fail(error);
  return kWrongUsage;
}

int Context::FailByKind(const Error& error) const {
  return error.kind == ErrorKind::kInvalidArgument ? FailUsage(error) : Fail(error);
}

Result<model::Bundle> LoadBundle() { return model::ParseBundle(model::EmbeddedBundleJson()); }

std::string Grouped(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

}  // namespace octolake::cli
