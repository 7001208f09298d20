#include "maintain/small_files.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "iceberg/partition_summary.h"

namespace octolake::maintain {
namespace {

// How many files the rows of so many bytes fill.
int64_t FilesOf(int64_t bytes, const FileSizes& sizes) {
  return std::max<int64_t>(1, bytes / sizes.target);
}

int64_t SavedFiles(int64_t files, int64_t bytes, const FileSizes& sizes) {
  return std::max<int64_t>(0, files - FilesOf(bytes, sizes));
}

struct PartitionFiles {
  int64_t files = 0;
  int64_t bytes = 0;
};

}  // namespace

bool Pays(const CompactionGroup& group, const SmallFilePolicy& policy) {
  const bool has_deletes =
      std::any_of(group.files.begin(), group.files.end(),
                  [](const iceberg::ScanTask& task) { return !task.deletes.empty(); });
  if (has_deletes) return true;
  const auto files = std::ssize(group.files);
  if (files < policy.min_files) return false;
  // In floating point: with any configuration, nothing leaves its range.
  const auto saved = static_cast<double>(SavedFiles(files, group.bytes, policy.sizes));
  return saved * static_cast<double>(policy.open_cost) * static_cast<double>(policy.reads) >=
         2.0 * static_cast<double>(group.bytes);
}

CompactionScope ScopeOf(const SmallFilePolicy& policy) {
  CompactionScope scope;
  scope.sizes = policy.sizes;
  scope.min_input_files = policy.min_files;
  scope.by_tiers = true;
  scope.pays = [policy](const CompactionGroup& group) { return Pays(group, policy); };
  return scope;
}

Result<SmallFileCost> CostOfSmallFiles(const iceberg::TableMetadata& metadata,
                                       std::vector<iceberg::ScanTask> files,
                                       const SmallFilePolicy& policy) {
  std::map<iceberg::SpecPartition, PartitionFiles> partitions;
  for (const iceberg::ScanTask& task : files) {
    if (task.file.file_size_in_bytes >= SmallBelow(policy.sizes)) continue;
    PartitionFiles& small = partitions[{task.file.spec_id, task.file.partition}];
    ++small.files;
    small.bytes += task.file.file_size_in_bytes;
  }
  SmallFileCost cost;
  cost.partitions = std::ssize(partitions);
  for (const auto& [partition, small] : partitions) {
    cost.files += small.files;
    cost.bytes += small.bytes;
    cost.scan_cost += SavedFiles(small.files, small.bytes, policy.sizes) * policy.open_cost;
  }
  OCTO_ASSIGN(const auto groups, PlanCompaction(metadata, std::move(files), ScopeOf(policy), 0));
  cost.pays = !groups.empty();
  return cost;
}

Result<SmallFileCost> SmallFileWatch::Look(lake::Warehouse& warehouse,
                                           const iceberg::TableIdentifier& name,
                                           const SmallFilePolicy& policy) {
  OCTO_ASSIGN(const iceberg::Table table, warehouse.catalog().LoadTable(name));
  const iceberg::Snapshot* current = table.metadata->CurrentSnapshot();
  Seen seen{table.metadata->table_uuid, std::nullopt, {}};
  if (current != nullptr) seen.snapshot_id = current->snapshot_id;
  {
    const std::lock_guard lock(mutex_);
    const auto found = seen_.find(name);
    if (found != seen_.end() && found->second.table_uuid == seen.table_uuid &&
        found->second.snapshot_id == seen.snapshot_id) {
      return found->second.cost;
    }
    ++manifests_read_;
  }
  OCTO_ASSIGN(auto files, iceberg::PlanScan(warehouse.file_system(), *table.metadata, {}, {}));
  OCTO_ASSIGN(seen.cost, CostOfSmallFiles(*table.metadata, std::move(files), policy));
  const std::lock_guard lock(mutex_);
  return (seen_[name] = std::move(seen)).cost;
}

std::map<iceberg::TableIdentifier, SmallFileCost> SmallFileWatch::Last() const {
  const std::lock_guard lock(mutex_);
  std::map<iceberg::TableIdentifier, SmallFileCost> costs;
  for (const auto& [table, seen] : seen_) costs.emplace(table, seen.cost);
  return costs;
}

void SmallFileWatch::Keep(const std::vector<iceberg::TableIdentifier>& tables) {
  const std::lock_guard lock(mutex_);
  std::erase_if(seen_, [&](const auto& entry) {
    return std::find(tables.begin(), tables.end(), entry.first) == tables.end();
  });
}

int64_t SmallFileWatch::manifests_read() const {
  const std::lock_guard lock(mutex_);
  return manifests_read_;
}

}  // namespace octolake::maintain
