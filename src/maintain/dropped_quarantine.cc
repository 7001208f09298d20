#include "maintain/dropped_quarantine.h"

#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

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

}  // namespace

Result<DroppedQuarantineReport> EmptyQuarantineOfDroppedTables(lake::Warehouse& warehouse,
                                                               int64_t quarantine_ms,
                                                               bool dry_run) {
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
