#include "iceberg/table_metadata.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>

namespace octolake::iceberg {

const Schema* TableMetadata::FindSchema(int32_t schema_id) const {
  for (const Schema& schema : schemas) {
    if (schema.schema_id == schema_id) return &schema;
  }
  return nullptr;
}

const PartitionSpec* TableMetadata::FindSpec(int32_t spec_id) const {
  for (const PartitionSpec& spec : partition_specs) {
    if (spec.spec_id == spec_id) return &spec;
  }
  return nullptr;
}

const Snapshot* TableMetadata::FindSnapshot(int64_t snapshot_id) const {
  for (const Snapshot& snapshot : snapshots) {
    if (snapshot.snapshot_id == snapshot_id) return &snapshot;
  }
  return nullptr;
}

const Snapshot* TableMetadata::CurrentSnapshot() const {
  return current_snapshot_id ? FindSnapshot(*current_snapshot_id) : nullptr;
}

const Snapshot* TableMetadata::FindRef(const std::string& name) const {
  const auto ref = refs.find(name);
  return ref == refs.end() ? nullptr : FindSnapshot(ref->second.snapshot_id);
}

const Schema& TableMetadata::CurrentSchema() const {
  const Schema* schema = FindSchema(current_schema_id);
  assert(schema != nullptr);
  return *schema;
}

const PartitionSpec& TableMetadata::DefaultSpec() const {
  const PartitionSpec* spec = FindSpec(default_spec_id);
  assert(spec != nullptr);
  return *spec;
}

namespace {

// Whether the table had snapshots before its log begins.
bool HasForgotten(const TableMetadata& metadata) {
  if (metadata.snapshot_log.empty()) return !metadata.snapshots.empty();
  const Snapshot* first = metadata.FindSnapshot(metadata.snapshot_log.front().snapshot_id);
  return first == nullptr || first->parent_snapshot_id.has_value();
}

tl::unexpected<Error> Forgotten(const TableMetadata& metadata, int64_t timestamp_ms) {
  const Snapshot* nearest = nullptr;
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (snapshot.timestamp_ms > timestamp_ms) continue;
    if (nearest == nullptr || snapshot.timestamp_ms > nearest->timestamp_ms) nearest = &snapshot;
  }
  return MakeError(
      ErrorKind::kUnsupported,
      "which snapshot of the table at " + metadata.location + " was current at " +
          std::to_string(timestamp_ms) +
          " ms cannot be told, since snapshots of "
          "that time have expired; " +
          (nearest == nullptr ? "choose a later time"
                              : "choose a later time, or the last one kept before it, snapshot " +
                                    std::to_string(nearest->snapshot_id) + " of " +
                                    std::to_string(nearest->timestamp_ms) + " ms"));
}

}  // namespace

Result<const Snapshot*> SnapshotAsOf(const TableMetadata& metadata, int64_t timestamp_ms) {
  const SnapshotLogEntry* last = nullptr;
  for (const SnapshotLogEntry& entry : metadata.snapshot_log) {
    if (entry.timestamp_ms <= timestamp_ms) last = &entry;
  }
  if (last == nullptr && HasForgotten(metadata)) return Forgotten(metadata, timestamp_ms);
  if (last == nullptr) {
    return MakeError(
        ErrorKind::kNotFound,
        "the table at " + metadata.location + " has no snapshot that was current at " +
            std::to_string(timestamp_ms) + " ms" +
            (metadata.snapshot_log.empty()
                 ? std::string("; its snapshot log is empty")
                 : "; its snapshot log begins at " +
                       std::to_string(metadata.snapshot_log.front().timestamp_ms) + " ms"));
  }
  const Snapshot* snapshot = metadata.FindSnapshot(last->snapshot_id);
  if (snapshot == nullptr) return Forgotten(metadata, timestamp_ms);
  return snapshot;
}

std::vector<const Snapshot*> AncestorsOf(const TableMetadata& metadata, int64_t snapshot_id) {
  std::unordered_map<int64_t, const Snapshot*> by_id;
  for (const Snapshot& snapshot : metadata.snapshots) by_id[snapshot.snapshot_id] = &snapshot;
  std::vector<const Snapshot*> ancestors;
  std::optional<int64_t> id = snapshot_id;
  while (id) {
    // Taken out, since damaged metadata could go round in a circle.
    const auto found = by_id.extract(*id);
    if (found.empty()) break;
    ancestors.push_back(found.mapped());
    id = found.mapped()->parent_snapshot_id;
  }
  return ancestors;
}

bool IsAncestorOf(const TableMetadata& metadata, int64_t ancestor, int64_t snapshot_id) {
  const auto ancestors = AncestorsOf(metadata, snapshot_id);
  return std::any_of(ancestors.begin(), ancestors.end(),
                     [&](const Snapshot* one) { return one->snapshot_id == ancestor; });
}

}  // namespace octolake::iceberg
