#include "reader.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "datafile/file_reader.h"
#include "iceberg/scan.h"

namespace octolake::simulation {
namespace {

Result<std::vector<int64_t>> ReadAll(Process& process, const iceberg::TableMetadata& metadata,
                                     int64_t snapshot) {
  io::FileSystem& fs = process.warehouse().file_system();
  iceberg::Schema columns;
  columns.fields.push_back(*metadata.CurrentSchema().FindByName("id"));
  std::vector<int64_t> ids;
  OCTO_ASSIGN(const auto tasks, iceberg::PlanScan(fs, metadata, snapshot, {}));
  for (const iceberg::ScanTask& task : tasks) {
    process.world().GiveWay();
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

Status ReadSnapshot(Lab& lab, Process& process, const iceberg::TableIdentifier& name) {
  OCTO_ASSIGN(const iceberg::Table table, process.warehouse().catalog().LoadTable(name));
  const iceberg::TableMetadata& metadata = *table.metadata;
  if (metadata.snapshots.empty()) return {};
  const auto place = lab.world.choices.Below(std::ssize(metadata.snapshots));
  const int64_t snapshot = lab.world.choices.Chance(0.5) && metadata.current_snapshot_id
                               ? *metadata.current_snapshot_id
                               : metadata.snapshots[static_cast<size_t>(place)].snapshot_id;
  const auto rows = lab.ledger.RowsOf(name, snapshot);
  if (rows == nullptr) return {};  // it has expired since the table was loaded
  const int64_t faults = process.faults();
  const std::string what =
      process.name() + " reading snapshot " + std::to_string(snapshot) + " of " + name.ToString();
  const auto ids = ReadAll(process, metadata, snapshot);
  if (process.dead()) return {};
  if (!ids) {
    const bool excused = process.faults() > faults || lab.ledger.AnyAway() ||
                         lab.ledger.RowsOf(name, snapshot) == nullptr;
    if (!excused) lab.world.Violate(what + ": " + ids.error().message);
    return {};
  }
  const bool same = std::equal(ids->begin(), ids->end(), rows->begin(), rows->end(),
                               [](int64_t one, const auto& row) { return one == row.first; });
  ++lab.world.counts["snapshots read"];
  if (!same) lab.world.Violate(what + " got other rows than are in it");
  return {};
}

}  // namespace octolake::simulation
