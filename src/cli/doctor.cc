#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "base/units.h"
#include "base/uuid.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "cli/text_table.h"
#include "iceberg/scan.h"
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
  const auto space = std::filesystem::space(warehouse.directory(), error);
  if (error) return {"disk", false, warehouse.directory() + ": " + error.message()};
  const std::string free = HumanSize(static_cast<int64_t>(space.available)) + " free";
  if (space.available >= kLowDiskBytes) return {"disk", true, free};
  return {"disk", false,
          free + " at " + warehouse.directory() + ": make room or move the warehouse"};
}

Check CheckWritable(lake::Warehouse& warehouse) {
  const std::string probe =
      warehouse.temp_directory() + "/doctor-" + Uuid::RandomV4(warehouse.random()).ToString();
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

// That every live data file is there with the size the manifest says.
Check CheckTable(lake::Warehouse& warehouse, const iceberg::TableIdentifier& id) {
  const std::string what = "table " + id.ToString();
  Result<iceberg::Table> table = warehouse.catalog().LoadTable(id);
  if (!table) return {what, false, table.error().message};
  auto tasks = iceberg::PlanScan(warehouse.file_system(), *table->metadata, std::nullopt, {});
  if (!tasks) return {what, false, tasks.error().message};
  for (const iceberg::ScanTask& task : *tasks) {
    Result<io::FileInfo> file = warehouse.file_system().Stat(task.file.file_path);
    const std::string mend =
        "; restore it from a backup, or go back to an older snapshot with 'octolake tables " +
        id.ToString() + " --rollback-to ID'";
    if (!file) return {what, false, file.error().message + mend};
    if (file->size != task.file.file_size_in_bytes) {
      return {what, false,
              task.file.file_path + " has " + std::to_string(file->size) +
                  " bytes, its manifest says " + std::to_string(task.file.file_size_in_bytes) +
                  mend};
    }
  }
  return {what, true, std::to_string(tasks->size()) + " data files, all there"};
}

std::vector<Check> CheckTables(lake::Warehouse& warehouse) {
  std::vector<Check> checks;
  auto namespaces = warehouse.catalog().ListNamespaces();
  if (!namespaces) return {{"catalog", false, namespaces.error().message}};
  for (const std::string& name_space : *namespaces) {
    auto tables = warehouse.catalog().ListTables(name_space);
    if (!tables) {
      checks.push_back({"namespace " + name_space, false, tables.error().message});
      continue;
    }
    for (const auto& id : *tables) checks.push_back(CheckTable(warehouse, id));
  }
  if (checks.empty())
    checks.push_back({"catalog", true, "no tables yet: 'octolake load' makes them"});
  return checks;
}

int Doctor(const Context& context) {
  std::vector<Check> checks = {CheckModels()};
  auto warehouse = context.OpenWarehouse(false);
  if (!warehouse) {
    checks.push_back({"warehouse", false, warehouse.error().message});
  } else {
    checks.push_back(CheckWritable(**warehouse));
    checks.push_back(CheckDisk(**warehouse));
    checks.push_back(CheckSql(context, **warehouse));
    for (Check& check : CheckTables(**warehouse)) checks.push_back(std::move(check));
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
  CLI::App* command =
      app.add_subcommand("doctor", "What is wrong with this set-up, and how to mend it");
  command->callback([&chosen] { chosen = Doctor; });
}

}  // namespace octolake::cli
