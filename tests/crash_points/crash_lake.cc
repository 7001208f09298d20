#include "crash_lake.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "iceberg/named_files.h"
#include "io/faulty_disk.h"
#include "io/faulty_sqlite_vfs_for_test.h"
#include "io/local_file_system.h"
#include "lake/definitions.h"
#include "lake/journal_committer.h"
#include "lake/journal_for_test.h"
#include "lake/leftovers.h"
#include "lake/load.h"
#include "lake/silver.h"
#include "lake/warehouse_for_test.h"
#include "model/run.h"
#include "table_rows.h"

namespace octolake::crash {
namespace {

namespace fs = std::filesystem;
using lake::EventLine;
using lake::Must;

std::string Push(int commits) {
  return R"({"push_id":1,"size":)" + std::to_string(commits) + R"(,"ref":"refs/heads/main"})";
}

// Every table of the catalog.
std::vector<iceberg::Table> Tables(lake::Warehouse& warehouse) {
  std::vector<iceberg::Table> tables;
  for (const std::string& name_space : Must(warehouse.catalog().ListNamespaces())) {
    for (const auto& name : Must(warehouse.catalog().ListTables(name_space))) {
      tables.push_back(Must(warehouse.catalog().LoadTable(name)));
    }
  }
  return tables;
}

// That each file a table names is there, and has the size that its manifest says.
void CheckFiles(lake::Warehouse& warehouse, const iceberg::Table& table) {
  io::FileSystem& files = warehouse.file_system();
  for (const auto& entry : table.metadata->metadata_log) {
    EXPECT_TRUE(files.Stat(entry.metadata_file)) << entry.metadata_file;
  }
  std::set<std::string> seen;
  for (const auto& snapshot : table.metadata->snapshots) {
    for (const auto& task :
         Must(iceberg::PlanScan(files, *table.metadata, snapshot.snapshot_id, {}))) {
      if (!seen.insert(task.file.file_path).second) continue;
      const auto info = files.Stat(task.file.file_path);
      ASSERT_TRUE(info) << info.error().message;
      EXPECT_EQ(info->size, task.file.file_size_in_bytes) << task.file.file_path;
    }
  }
}

}  // namespace

Status Process::Load(const std::vector<std::string>& files) {
  clock_.Advance(1'000'000);
  OCTO_TRY(lake::RemoveLeftovers(warehouse_));
  lake::LoadOptions options;
  options.commit_files = 2;
  IgnoreProgress progress;
  OCTO_ASSIGN(const lake::LoadReport report, lake::LoadFiles(warehouse_, files, options, progress));
  for (const lake::FileReport& file : report.files) {
    EXPECT_EQ(file.error, "");
    reported_.insert(file.name);
  }
  OCTO_TRY(lake::RemoveLeftovers(warehouse_));
  return {};
}

Status Process::Silver() {
  clock_.Advance(1'000'000);
  OCTO_TRY(lake::RemoveLeftovers(warehouse_));
  lake::SilverOptions options;
  options.commit_rows = 3;  // a commit for each of Bronze's
  IgnoreProgress progress;
  OCTO_TRY(lake::RunSilver(warehouse_, options, progress));
  return {};
}

Status Process::Models() {
  clock_.Advance(1'000'000);
  model::RunOptions options;
  options.session.threads = 1;
  options.session.memory_limit_bytes = int64_t{256} << 20;
  IgnoreProgress progress;
  OCTO_TRY(model::RunModels(warehouse_, bundle_, options, progress));
  OCTO_TRY(lake::RemoveLeftovers(warehouse_));
  return {};
}

Status Process::CommitJournal(const std::string& directory) {
  clock_.Advance(1'000'000);
  OCTO_TRY(lake::RemoveLeftovers(warehouse_));
  lake::TestJournal journal(directory, clock_);
  lake::JournalCommitOptions options;
  options.max_bytes = 600;
  OCTO_TRY(lake::CreateTables(warehouse_));
  OCTO_ASSIGN(const auto committer, lake::JournalCommitter::Open(warehouse_, *journal, options));
  while (true) {
    OCTO_ASSIGN(const auto report, committer->CommitNext());
    if (report.last_sequence == 0) return {};
  }
}

void CrashLake::FillJournal() {
  lake::TestJournal journal(this->journal(), clock_);
  for (const char* id : {"11", "12", "13", "14"}) {
    journal.Put("collect", EventLine(id, "2015-01-01T00:00:00Z"));
    journal.Put("collect", "no event");
    journal.Put("webhook", R"({"sender":{"id":1,"login":"ada"}})", std::string("delivery-") + id,
                {{"X-GitHub-Event", "push"}});
    clock_.Advance(1'000'000);
  }
}

CrashLake::CrashLake()
    : clock_(lake::kTestNow), bundle_(Must(model::ParseBundle(model::EmbeddedBundleJson()))) {
  const auto write = [&](const std::string& name, const std::string& content) {
    std::ofstream(directory_ + "/" + name, std::ios::binary) << content;
    return directory_ + "/" + name;
  };
  const std::string day = "2015-01-01T00:00:0";
  first_files_ = {
      write("a.json", EventLine("1", day + "1Z") +
                          EventLine("2", day + "2Z", Push(2), "PushEvent") +
                          EventLine("3", day + "3Z")),
      write("b.json", EventLine("3", day + "3Z", Push(9)) + "{\"type\":\"WatchEvent\"}\n" +
                          EventLine("4", "2015-01-02T12:00:00Z")),
      write("c.json",
            EventLine("5", "2012-06-01T00:00:00Z") + EventLine("1", day + "1Z", Push(1)))};
  later_files_ = {write("d.json", EventLine("4", "2015-01-02T12:00:00Z", Push(3)) +
                                      EventLine("6", day + "6Z", Push(4), "PushEvent")),
                  write("e.json", EventLine("7", "2015-01-03T00:00:00Z") + "{}\n")};
  FillJournal();
}

void CrashLake::Save() {
  fs::remove_all(directory_ + "/saved");
  fs::copy(warehouse_, directory_ + "/saved", fs::copy_options::recursive);
}

void CrashLake::Restore() {
  fs::remove_all(warehouse_);
  if (!fs::exists(directory_ + "/saved")) return;
  fs::copy(directory_ + "/saved", warehouse_, fs::copy_options::recursive);
}

Result<std::unique_ptr<lake::Warehouse>> CrashLake::Open(lake::WarehouseParts parts) {
  lake::WarehouseOptions options;
  options.directory = warehouse_;
  return lake::Warehouse::OpenOn(std::move(parts), options, clock_, random_);
}

Status CrashLake::RunCommand(const Command& command, lake::WarehouseParts parts,
                             std::set<std::string>& reported) {
  OCTO_ASSIGN(const auto warehouse, Open(std::move(parts)));
  Process process(*warehouse, clock_, bundle_);
  Status done = command(process);
  reported.insert(process.reported().begin(), process.reported().end());
  return done;
}

PassResult CrashLake::Run(const std::vector<Command>& commands, const io::FaultWay& way,
                          int64_t step) {
  PassResult result;
  io::FaultPlan plan(way.At(step), static_cast<uint64_t>(step));
  io::FaultyDisk disk(plan);
  io::FaultySqliteVfs vfs(plan);
  for (const Command& command : commands) {
    lake::WarehouseParts parts;
    parts.file_system = disk.MakeFileSystem();
    result.status = RunCommand(command, std::move(parts), result.reported);
    if (!result.status) break;
  }
  result.steps = plan.steps();
  if (way.loses_power) {
    Must(disk.CutPower());
    vfs.CutPower();
  }
  return result;
}

PassResult CrashLake::RunLosing(const std::vector<Command>& commands,
                                const std::shared_ptr<lake::ReplyLoss>& loss) {
  const auto wrap = [&](std::unique_ptr<iceberg::Catalog> catalog) {
    auto hooked = std::make_unique<lake::HookedCatalog>(std::move(catalog));
    hooked->loss = loss;
    return hooked;
  };
  PassResult result;
  for (const Command& command : commands) {
    lake::WarehouseParts parts;
    parts.wrap_catalog = wrap;
    result.status = RunCommand(command, std::move(parts), result.reported);
    if (!result.status) break;
  }
  return result;
}

void CrashLake::CheckConsistent(const std::set<std::string>& reported) {
  const auto warehouse = Must(Open({}));
  const std::vector<iceberg::Table> tables = Tables(*warehouse);
  for (const iceberg::Table& table : tables) CheckFiles(*warehouse, table);
  const auto rows = [&](const iceberg::TableIdentifier& name,
                        const std::vector<std::string>& columns) {
    for (const iceberg::Table& table : tables) {
      if (table.identifier == name) return ReadRows(warehouse->file_system(), table, columns);
    }
    return std::vector<std::vector<std::string>>();
  };
  // By file: its rows in Bronze, and those that were rejected.
  std::map<std::string, std::pair<int, int>> found;
  std::set<std::string> records;
  const auto is_of_journal = [&](const std::vector<std::string>& row) {
    if (row[1] != "collect" && row[1] != "webhook") return false;
    EXPECT_TRUE(records.insert(row[2]).second) << row[2] << " is there twice";
    return true;
  };
  const std::vector<std::string> columns{"source_file", "source", "trace_id"};
  for (const auto& row : rows(lake::BronzeEvents({}), columns)) {
    if (!is_of_journal(row)) ++found[row[0]].first;
  }
  for (const auto& row : rows(lake::RejectedEvents({}), columns)) {
    if (!is_of_journal(row)) ++found[row[0]].second;
  }
  std::map<std::string, std::pair<int, int>> expected;
  for (const auto& row : rows(lake::LoadedFiles({}), {"name", "events", "rejected"})) {
    EXPECT_FALSE(expected.contains(row[0])) << row[0] << " is in loaded_files twice";
    expected[row[0]] = {std::stoi(row[1]), std::stoi(row[2])};
  }
  EXPECT_EQ(found, expected);
  for (const std::string& file : reported) {
    EXPECT_TRUE(expected.contains(file)) << file << " was reported as loaded";
  }
  std::set<std::string> keys;
  for (const auto& row : rows(lake::ParsedEvents({}), {"event_key"})) {
    EXPECT_TRUE(keys.insert(row[0]).second) << row[0] << " is in Silver twice";
  }
}

Contents CrashLake::ReadContents() {
  const auto warehouse = Must(Open({}));
  Contents contents;
  for (const iceberg::Table& table : Tables(*warehouse)) {
    contents[table.identifier.ToString()] = ReadComparable(warehouse->file_system(), table);
  }
  return contents;
}

std::vector<std::string> CrashLake::Leftovers() {
  const auto warehouse = Must(Open({}));
  std::set<std::string> left;
  for (const auto& info : Must(warehouse->file_system().List(io::FileLocation(warehouse_)))) {
    left.insert(info.location);
  }
  left.erase(io::FileLocation(warehouse_ + "/catalog.db"));
  for (const iceberg::Table& table : Tables(*warehouse)) {
    for (const auto& named : Must(iceberg::NamedFiles(warehouse->file_system(), table, left))) {
      left.erase(named);
    }
  }
  return {left.begin(), left.end()};
}

void CrashLake::RemoveLeftovers() {
  const auto warehouse = Must(Open({}));
  const auto report = Must(lake::RemoveLeftovers(*warehouse));
  EXPECT_TRUE(report.kept.empty()) << report.kept.front();
}

}  // namespace octolake::crash
