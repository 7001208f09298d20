#include <arrow/record_batch.h>

#include <algorithm>

#include "datafile/file_reader.h"
#include "iceberg/scan.h"
#include "ledger.h"

namespace octolake::simulation {
namespace {

// As octolake itself reads it.
Result<std::vector<int64_t>> ReadSnapshot(io::FileSystem& fs,
                                          const iceberg::TableMetadata& metadata,
                                          int64_t snapshot_id) {
  iceberg::Schema columns;
  columns.fields.push_back(*metadata.CurrentSchema().FindByName("id"));
  std::vector<int64_t> ids;
  OCTO_ASSIGN(const auto tasks, iceberg::PlanScan(fs, metadata, snapshot_id, {}));
  for (const iceberg::ScanTask& task : tasks) {
    OCTO_ASSIGN(auto reader, datafile::OpenScanTask(fs, task, columns));
    while (true) {
      OCTO_ASSIGN(const auto batch, reader->Next());
      if (batch == nullptr) break;
      const auto more = IdsOfColumn(*batch->column(0));
      ids.insert(ids.end(), more.begin(), more.end());
    }
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

void Ledger::CheckReadable(const iceberg::TableIdentifier& name, const TableFacts& facts) {
  for (const auto& [id, snapshot] : facts.snapshots) {
    const std::string what = "snapshot " + std::to_string(id) + " of " + name.ToString();
    const auto ids = ReadSnapshot(world_.store.file_system(), *facts.metadata, id);
    if (!ids) {
      world_.Violate("at the end " + what + " cannot be read: " + ids.error().message);
      return;
    }
    const bool same =
        std::equal(ids->begin(), ids->end(), snapshot.rows->begin(), snapshot.rows->end(),
                   [](int64_t one, const auto& row) { return one == row.first; });
    if (!same) world_.Violate("at the end " + what + " has not the rows it must have");
  }
}

void Ledger::CheckQuiet() {
  for (auto& [name, facts] : tables_) {
    for (auto& [id, snapshot] : facts.snapshots) {
      if (!snapshot.files.empty()) continue;
      AddFiles("at the end snapshot " + std::to_string(id) + " of " + name.ToString(),
               *facts.metadata, *facts.metadata->FindSnapshot(id), snapshot);
    }
  }
  std::set<std::string> reasons;
  std::set<std::string> locations;
  // Those of dropped tables stay, as their files do.
  std::set<std::string> quarantines;
  for (const auto& [path, count] : live_) {
    reasons.insert(path);
    if (world_.store.Find(path) == nullptr) {
      world_.Violate("at the end " + world_.Short(path) + " is gone, which is named by " +
                     WhoNames(path));
    }
  }
  for (const auto& [name, facts] : tables_) {
    locations.insert(PathOf(facts.metadata->location) + "/");
    quarantines.insert(world_.directory + "/.quarantine/" + facts.uuid + "/");
    reasons.insert(PathOf(facts.metadata_location));
    for (const auto& entry : facts.metadata->metadata_log) {
      reasons.insert(PathOf(entry.metadata_file));
    }
    CheckReadable(name, facts);
  }
  const auto in_any = [](const std::set<std::string>& directories, const std::string& path) {
    return std::any_of(directories.begin(), directories.end(),
                       [&](const auto& one) { return path.starts_with(one); });
  };
  for (const auto& [path, file] : world_.store.files()) {
    const std::string name = world_.Short(path);
    // What says where a removal's files were stays in memory, as its directory does not exist.
    const bool held = in_any(quarantines, path) && !name.ends_with("/places");
    const bool nobodys = in_any(locations, path) && !reasons.contains(path);
    if (held || nobodys || name.starts_with("tmp/")) {
      world_.Violate("at the end " + name + " is there for no reason");
    }
  }
}

}  // namespace octolake::simulation
