#include <optional>
#include <set>
#include <utility>

#include "iceberg/manifest_filter.h"
#include "iceberg/manifest_merge.h"
#include "iceberg/manifest_partitions.h"
#include "iceberg/partition_summary.h"
#include "iceberg/snapshot_producer.h"
#include "iceberg/update.h"

namespace octolake::iceberg {
namespace {

using PartitionSet = std::set<PartitionValues, PartitionLess>;

class OverwriteUpdate final : public TableUpdate {
 public:
  // No partitions: every live file.
  OverwriteUpdate(std::optional<PartitionSet> partitions, std::vector<DataFile> files,
                  Properties summary)
      : partitions_(std::move(partitions)),
        files_(std::move(files)),
        producer_(std::move(summary)),
        filter_([this](const ManifestEntry& entry) {
          return !partitions_ || partitions_->contains(entry.data_file.partition);
        }) {}

  Status Apply(const UpdateContext& context, TableMetadata& metadata) override {
    OCTO_TRY(CheckNewFiles(metadata, files_));
    if (partitions_) OCTO_TRY(CheckPartitions(metadata));
    OCTO_TRY(producer_.Begin(context, metadata));
    OCTO_TRY(CheckParents(metadata));
    SnapshotChanges changes;
    for (const DataFile& file : files_) changes.AddFile(file);
    OCTO_ASSIGN(std::vector<ManifestFile> manifests, producer_.AddFiles(context, metadata, files_));
    const size_t added = manifests.size();
    for (const ManifestFile& manifest : producer_.parent_manifests()) {
      OCTO_ASSIGN(const bool affected, MayBeAffected(metadata, manifest));
      if (!affected) {
        manifests.push_back(manifest);
        continue;
      }
      OCTO_ASSIGN(const FilteredManifest* filtered,
                  filter_.Filter(context, metadata, producer_, manifest));
      for (const DataFile& file : filtered->removed) changes.RemoveFile(file);
      manifests.push_back(filtered->rewritten
                              ? Renumbered(*filtered->rewritten, producer_.sequence_number())
                              : manifest);
    }
    OCTO_ASSIGN(manifests,
                merger_.Merge(context, metadata, producer_, added, std::move(manifests)));
    // A snapshot that only adds is an append, also to those who read it incrementally.
    return producer_.Commit(context, metadata, changes.removes_files() ? "overwrite" : "append",
                            changes, manifests);
  }

  std::vector<std::string> Unused(const TableMetadata* committed) const override {
    return producer_.Unused(committed);
  }

  std::optional<int64_t> NewSnapshotId() const override { return producer_.chosen_snapshot_id(); }

 private:
  Status CheckPartitions(const TableMetadata& metadata) const {
    for (const DataFile& file : files_) {
      if (file.spec_id != metadata.default_spec_id) {
        return MakeError(ErrorKind::kInvalidArgument,
                         file.file_path + " is of partition spec " + std::to_string(file.spec_id) +
                             ", but partitions of the default spec " +
                             std::to_string(metadata.default_spec_id) + " are overwritten");
      }
      if (!partitions_->contains(file.partition)) {
        return MakeError(ErrorKind::kInvalidArgument,
                         file.file_path + " is not of a partition that is overwritten");
      }
    }
    return {};
  }

  Status CheckParents(const TableMetadata& metadata) const {
    for (const ManifestFile& manifest : producer_.parent_manifests()) {
      if (manifest.content == ManifestContent::kDeletes) continue;
      if (partitions_ && manifest.partition_spec_id != metadata.default_spec_id) {
        return MakeError(ErrorKind::kUnsupported,
                         "table " + metadata.location + " has files of partition spec " +
                             std::to_string(manifest.partition_spec_id) + " (manifest " +
                             manifest.manifest_path +
                             "), so partitions of the default spec cannot be overwritten");
      }
    }
    return {};
  }

  // Delete files go with the data files of their partition, the only ones they apply to. Those of
  // another spec stay, as they may apply everywhere.
  Result<bool> MayBeAffected(const TableMetadata& metadata, const ManifestFile& manifest) const {
    if (!partitions_) return true;
    if (manifest.partition_spec_id != metadata.default_spec_id) return false;
    OCTO_ASSIGN(const ManifestPartitions held, ManifestPartitions::Of(manifest, metadata));
    for (const PartitionValues& partition : *partitions_) {
      OCTO_ASSIGN(const bool may_hold, held.MayHold(partition));
      if (may_hold) return true;
    }
    return false;
  }

  const std::optional<PartitionSet> partitions_;
  const std::vector<DataFile> files_;
  SnapshotProducer producer_;
  ManifestMerger merger_;
  ManifestFilter filter_;
};

}  // namespace

std::unique_ptr<TableUpdate> OverwritePartitions(std::vector<PartitionValues> partitions,
                                                 std::vector<DataFile> files, Properties summary) {
  return std::make_unique<OverwriteUpdate>(PartitionSet(partitions.begin(), partitions.end()),
                                           std::move(files), std::move(summary));
}

std::unique_ptr<TableUpdate> OverwriteAll(std::vector<DataFile> files, Properties summary) {
  return std::make_unique<OverwriteUpdate>(std::nullopt, std::move(files), std::move(summary));
}

}  // namespace octolake::iceberg
