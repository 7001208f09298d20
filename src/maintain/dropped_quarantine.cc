#include "maintain/dropped_quarantine.h"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "base/civil_time.h"
#include "base/uuid.h"
#include "iceberg/catalog.h"
#include "maintain/quarantine.h"

namespace octolake::maintain {
namespace {

namespace fs = std::filesystem;

// Of all tables; nullopt if they cannot all be told, and why.
Result<std::optional<std::set<std::string>>> UuidsOfTables(lake::Warehouse& warehouse,
                                                           std::vector<std::string>& warnings) {
  OCTO_ASSIGN(const auto foreign, warehouse.catalog().MetadataOfOtherCatalogs());
  if (!foreign.empty()) {
    warnings.push_back(
        "the quarantine of dropped tables stays: another catalog has tables in the same database");
    return std::nullopt;
  }
  std::set<std::string> uuids;
  // Twice, for a table that is renamed meanwhile can be missing from one list.
  for (int pass = 0; pass < 2; ++pass) {
    OCTO_ASSIGN(const auto tables, iceberg::ListAllTables(warehouse.catalog()));
    for (const iceberg::TableIdentifier& name : tables) {
      const auto table = warehouse.catalog().LoadTable(name);
      // kNotFound among them: dropped, or renamed.
      if (!table) {
        warnings.push_back("the quarantine of dropped tables stays: " + table.error().message);
        return std::nullopt;
      }
      uuids.insert(table->metadata->table_uuid);
    }
  }
  return uuids;
}

// What cannot be removed now is left to the next run.
void EmptyOne(const fs::path& directory, TimestampMicros until, bool dry_run,
              DroppedQuarantineReport& report) {
  std::error_code error;
  std::vector<fs::path> old;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const auto time = Quarantine::TimeOf(it->path().filename().native());
    if (time && *time <= until) old.push_back(it->path());
  }
  for (const fs::path& removal : old) {
    if (!dry_run) fs::remove_all(removal, error);
    if (error) {
      report.warnings.push_back("cannot remove " + removal.native() + ": " + error.message());
      error.clear();
      continue;
    }
    ++report.removals;
  }
  if (!dry_run) fs::remove(directory, error);  // if nothing is left in it
}

// The same where there are no directories: <root>/<table uuid>/<removal>/….
Result<DroppedQuarantineReport> EmptyObjects(lake::Warehouse& warehouse, int64_t quarantine_ms,
                                             bool dry_run) {
  DroppedQuarantineReport report;
  const std::string root = warehouse.location() + "/.quarantine";
  OCTO_ASSIGN(const auto files, warehouse.file_system().List(root));
  // By table and removal.
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> removals;
  for (const io::FileInfo& file : files) {
    const std::string below = file.location.substr(root.size() + 1);
    const size_t first = below.find('/');
    if (first == std::string::npos || !Uuid::Parse(below.substr(0, first))) continue;
    const size_t second = below.find('/', first + 1);
    if (second == std::string::npos) continue;
    removals[{below.substr(0, first), below.substr(first + 1, second - first - 1)}].push_back(
        file.location);
  }
  if (removals.empty()) return report;
  OCTO_ASSIGN(const auto uuids, UuidsOfTables(warehouse, report.warnings));
  if (!uuids) return report;
  OCTO_ASSIGN(const TimestampMicros now, Quarantine(warehouse, {}).StoreTime());
  for (const auto& [name, locations] : removals) {
    const auto time = Quarantine::TimeOf(name.second);
    if (uuids->contains(name.first) || !time || *time > now - quarantine_ms * kMicrosPerMilli) {
      continue;
    }
    Status removed;
    for (const std::string& location : locations) {
      if (dry_run || !removed) break;
      removed = warehouse.file_system().Remove(location);
    }
    if (removed) {
      ++report.removals;
    } else {
      report.warnings.push_back(removed.error().message);
    }
  }
  return report;
}

}  // namespace

Result<DroppedQuarantineReport> EmptyQuarantineOfDroppedTables(lake::Warehouse& warehouse,
                                                               int64_t quarantine_ms,
                                                               bool dry_run) {
  if (!warehouse.is_local()) return EmptyObjects(warehouse, quarantine_ms, dry_run);
  DroppedQuarantineReport report;
  const fs::path root = fs::path(warehouse.directory()) / ".quarantine";
  std::error_code error;
  std::vector<fs::path> directories;
  for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    if (Uuid::Parse(it->path().filename().native())) directories.push_back(it->path());
  }
  if (directories.empty()) return report;
  OCTO_ASSIGN(const auto uuids, UuidsOfTables(warehouse, report.warnings));
  if (!uuids) return report;
  OCTO_ASSIGN(const TimestampMicros now, Quarantine(warehouse, {}).StoreTime());
  for (const fs::path& directory : directories) {
    if (uuids->contains(directory.filename().native())) continue;
    EmptyOne(directory, now - quarantine_ms * kMicrosPerMilli, dry_run, report);
  }
  return report;
}

}  // namespace octolake::maintain
