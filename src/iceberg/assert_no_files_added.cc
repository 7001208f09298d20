#include "iceberg/assert_no_files_added.h"

#include <set>
#include <utility>

#include "iceberg/manifest_io.h"
#include "iceberg/partition_summary.h"

namespace octolake::iceberg {
namespace {

using PartitionSet = std::set<PartitionValues, PartitionLess>;

class AssertNoFilesAddedUpdate final : public TableUpdate {
 public:
  AssertNoFilesAddedUpdate(std::optional<int64_t> since, int32_t spec_id, PartitionSet partitions)
      : since_(since), spec_id_(spec_id), partitions_(std::move(partitions)) {}

  Status Apply(const UpdateContext& context, TableMetadata& metadata) override {
    if (partitions_.empty()) return {};
    OCTO_ASSIGN(const std::vector<const Snapshot*> later, SnapshotsSince(metadata));
    for (const Snapshot* snapshot : later) {
      OCTO_TRY(CheckSnapshot(context, metadata, *snapshot));
    }
    return {};
  }

  std::vector<std::string> Unused(const TableMetadata* /*committed*/) const override { return {}; }

 private:
  static tl::unexpected<Error> Conflict(const TableMetadata& metadata, const std::string& what) {
    return MakeError(ErrorKind::kCommitConflict, "table " + metadata.location + ": " + what +
                                                     "; start again from the present state");
  }

  // Every snapshot after `since`, newest first.
  Result<std::vector<const Snapshot*>> SnapshotsSince(const TableMetadata& metadata) const {
    std::vector<const Snapshot*> later;
    if (metadata.current_snapshot_id == since_) return later;
    if (metadata.current_snapshot_id) later = AncestorsOf(metadata, *metadata.current_snapshot_id);
    for (size_t i = 0; i < later.size(); ++i) {
      if (later[i]->snapshot_id != since_) continue;
      later.resize(i);
      return later;
    }
    const bool from_the_first = !later.empty() && !later.back()->parent_snapshot_id;
    if (!since_ && from_the_first) return later;
    return Conflict(metadata, since_ ? "snapshot " + std::to_string(*since_) +
                                           " is no known ancestor of the current one any more"
                                     : "its first snapshots are not known any more");
  }

  Status CheckSnapshot(const UpdateContext& context, const TableMetadata& metadata,
                       const Snapshot& snapshot) const {
    const auto operation = snapshot.summary.find("operation");
    if (operation != snapshot.summary.end() && operation->second == "replace") return {};
    OCTO_ASSIGN(const std::vector<ManifestFile> manifests,
                ReadManifestList(context.file_system, snapshot.manifest_list));
    for (const ManifestFile& manifest : manifests) {
      if (manifest.content != ManifestContent::kData ||
          manifest.added_snapshot_id != snapshot.snapshot_id || manifest.added_files_count == 0) {
        continue;
      }
      OCTO_ASSIGN(const std::vector<ManifestEntry> entries,
                  ReadManifest(context.file_system, manifest, metadata));
      for (const ManifestEntry& entry : entries) {
        const bool added =
            entry.status == EntryStatus::kAdded && entry.snapshot_id == snapshot.snapshot_id;
        if (!added || !Concerns(entry.data_file)) continue;
        return Conflict(metadata, "snapshot " + std::to_string(snapshot.snapshot_id) + " added " +
                                      entry.data_file.file_path +
                                      " in a partition that had been read");
      }
    }
    return {};
  }

  // A file of another spec may hold rows of any partition.
  bool Concerns(const DataFile& file) const {
    return file.spec_id != spec_id_ || partitions_.contains(file.partition);
  }

  const std::optional<int64_t> since_;
  const int32_t spec_id_;
  const PartitionSet partitions_;
};

}  // namespace

std::unique_ptr<TableUpdate> AssertNoFilesAdded(std::optional<int64_t> since, int32_t spec_id,
                                                const std::vector<PartitionValues>& partitions) {
  return std::make_unique<AssertNoFilesAddedUpdate>(
      since, spec_id, PartitionSet(partitions.begin(), partitions.end()));
}

}  // namespace octolake::iceberg
