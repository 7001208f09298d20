#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/units.h"
#include "base/uuid.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "cli/text_table.h"
#include "lake/table_check.h"
#include "sql/session.h"

namespace octolake::cli {
namespace {

// Below this much free space a load of a few hours may fail.
constexpr uintmax_t kLowDiskBytes = uintmax_t{1} << 30;

struct Check {
  std::string what;
  bool good = true;
  std::string finding;  // what is wrong and how to mend it, or what was seen
};

Check CheckDisk(const lake::Warehouse& warehouse) {
  std::error_code error;
  const auto space = std::filesystem::space(warehouse.state_directory(), error);
  if (error) return {"disk", false, warehouse.state_directory() + ": " + error.message()};
  const std::string free = HumanSize(static_cast<int64_t>(space.available)) + " free";
  if (space.available >= kLowDiskBytes) return {"disk", true, free};
  return {"disk", false,
          free + " at " + warehouse.state_directory() + ": make room or move the directory"};
}

Check CheckWritable(lake::Warehouse& warehouse) {
  const std::string probe =
      warehouse.location() + "/tmp/doctor-" + Uuid::RandomV4(warehouse.random()).ToString();
  Status written = io::WriteAll(warehouse.file_system(), probe, "probe");
  if (written) written = warehouse.file_system().Remove(probe);
  if (!written) return {"warehouse writable", false, written.error().message};
  return {"warehouse writable", true, warehouse.directory()};
}

Check CheckSql(const Context& context, const lake::Warehouse& warehouse) {
  sql::SessionOptions options = SessionOptionsOf(context.config);
  options.temp_directory = warehouse.temp_directory();
  auto session = sql::OpenSession(options);
  if (!session) return {"sql", false, session.error().message};
  Result<int64_t> answer = (*session)->QueryInteger("SELECT 42");
  if (!answer) return {"sql", false, answer.error().message};
  return {"sql", true, "DuckDB answers"};
}

Check CheckModels() {
  Result<model::Bundle> bundle = LoadBundle();
  if (!bundle) return {"models", false, bundle.error().message + "; build the program again"};
  return {"models", true,
          std::to_string(bundle->models.size()) + " models, " +
              std::to_string(bundle->tests.size()) + " data tests"};
}

// What a model computes can be computed again; so can parsed Silver.
bool IsComputed(const lake::Warehouse& warehouse, const iceberg::TableIdentifier& id) {
  return id.name_space == warehouse.namespaces().silver ||
         id.name_space == warehouse.namespaces().gold;
}

// As a command, since with the metadata file the only way into the table is gone.
std::string PointBack(lake::Warehouse& warehouse, const iceberg::TableIdentifier& id) {
  const std::string newest =
      lake::NewestReadableMetadata(warehouse, warehouse.catalog().DefaultTableLocation(id));
  if (newest.empty()) return "";
  const std::string command = warehouse.catalog().RepairCommand(id, newest);
  if (command.empty()) return "";
  return ", or, with nothing else running, go back to what was committed before: " + command;
}

std::string HowToMend(lake::Warehouse& warehouse, const iceberg::TableIdentifier& id,
                      const lake::TableCheck& check) {
  const std::string name = id.ToString();
  if (IsComputed(warehouse, id)) {
    return "restore it from a backup, or compute the table anew: 'octolake tables " + name +
           " --drop', then 'octolake run'";
  }
  if (warehouse.catalog().LoadTable(id)) {
    return "restore it from a backup, or go back to an older snapshot with 'octolake tables " +
           name + " --rollback-to ID'; 'octolake tables " + name + " --snapshots' lists them";
  }
  return "restore it from a backup" + (check.metadata_damaged ? PointBack(warehouse, id) : "");
}

std::string Seen(const lake::TableCheck& check, const lake::TableCheckOptions& options) {
  std::string seen = std::to_string(check.data_files) + " data files, all there";
  if (!options.read_data) return seen;
  seen += "; " + std::to_string(check.pages) + " pages as they were written";
  if (check.pages_without_checksum == 0) return seen;
  return seen + " (but " + std::to_string(check.pages_without_checksum) + " without a checksum)";
}

void CheckOneTable(lake::Warehouse& warehouse, const iceberg::TableIdentifier& id,
                   const lake::TableCheckOptions& options, std::vector<Check>& checks) {
  const std::string what = "table " + id.ToString();
  const lake::TableCheck check = lake::CheckTable(warehouse, id, options);
  if (check.problems.empty()) {
    checks.push_back({what, true, Seen(check, options)});
    return;
  }
  for (const std::string& problem : check.problems) checks.push_back({what, false, problem});
  checks.back().finding += "; " + HowToMend(warehouse, id, check);
}

// Tables of ours that lost their row, and what was dropped on purpose, which is no problem.
std::vector<Check> CheckNameless(lake::Warehouse& warehouse) {
  auto found = lake::FindNamelessTables(warehouse);
  if (!found) return {{"catalog", false, found.error().message}};
  std::vector<Check> checks;
  for (const lake::NamelessTable& table : *found) {
    const std::string bronze =
        warehouse.catalog().DefaultTableLocation({warehouse.namespaces().bronze, ""});
    const bool received = table.location.starts_with(bronze);
    checks.push_back({"directory " + table.location, !received,
                      "the catalog names no table here, the newest metadata is " +
                          table.metadata_location +
                          "; if it was dropped on purpose, remove the directory, else restore " +
                          warehouse.catalog().DisplayName() +
                          " from a backup or register the metadata as a table (PyIceberg: "
                          "catalog.register_table)"});
  }
  return checks;
}

std::vector<Check> CheckTables(lake::Warehouse& warehouse, const lake::TableCheckOptions& options) {
  std::vector<Check> checks;
  auto namespaces = warehouse.catalog().ListNamespaces();
  if (!namespaces) return {{"catalog", false, namespaces.error().message}};
  for (const std::string& name_space : *namespaces) {
    auto tables = warehouse.catalog().ListTables(name_space);
    if (!tables) {
      checks.push_back({"namespace " + name_space, false, tables.error().message});
      continue;
    }
    for (const auto& id : *tables) CheckOneTable(warehouse, id, options, checks);
  }
  for (Check& check : CheckNameless(warehouse)) checks.push_back(std::move(check));
  if (checks.empty())
    checks.push_back({"catalog", true, "no tables yet: 'octolake load' makes them"});
  return checks;
}

int Doctor(const Context& context, const lake::TableCheckOptions& options) {
  std::vector<Check> checks = {CheckModels()};
  auto warehouse = context.OpenWarehouse(false);
  if (!warehouse) {
    checks.push_back({"warehouse", false, warehouse.error().message});
  } else {
    checks.push_back(CheckWritable(**warehouse));
    checks.push_back(CheckDisk(**warehouse));
    checks.push_back(CheckSql(context, **warehouse));
    for (Check& check : CheckTables(**warehouse, options)) checks.push_back(std::move(check));
  }
  TextTable table({{"check"}, {"result"}, {"finding"}});
  bool good = true;
  for (const Check& check : checks) {
    good = good && check.good;
    table.Add({check.what, check.good ? "ok" : "PROBLEM", check.finding});
  }
  std::fputs((context.flags.json ? table.ToJson() : table.ToText()).c_str(), stdout);
  return good ? kDone : kFailed;
}

}  // namespace

void AddDoctorCommand(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<lake::TableCheckOptions>();
  CLI::App* command =
      app.add_subcommand("doctor", "What is wrong with this set-up, and how to mend it");
  command->add_flag("--data", options->read_data,
                    "Also read every data file and compare its pages with their checksums");
  command->callback([options, &chosen] {
    chosen = [options](const Context& context) { return Doctor(context, *options); };
  });
}

}  // namespace octolake::cli
