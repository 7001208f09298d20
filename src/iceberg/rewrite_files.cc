#include "iceberg/rewrite_files.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "iceberg/delete_files.h"
#include "iceberg/manifest_filter.h"
#include "iceberg/manifest_io.h"
#include "iceberg/manifest_merge.h"
#include "iceberg/manifest_partitions.h"
#include "iceberg/partition_summary.h"
#include "iceberg/snapshot_producer.h"

namespace octolake::iceberg {
namespace {

using PartitionSet = std::set<PartitionValues, PartitionLess>;

class RewriteFilesUpdate final : public TableUpdate {
 public:
  RewriteFilesUpdate(FileRewrite rewrite, Properties summary)
      : rewrite_(std::move(rewrite)),
        producer_(std::move(summary)),
        filter_([this](const ManifestEntry& entry) {
          return replaced_.contains(entry.data_file.file_path);
        }),
        concerned_(rewrite_.replaced) {
    for (const ScanTask& task : rewrite_.replaced) {
      replaced_.insert(task.file.file_path);
      partitions_[task.file.spec_id].insert(task.file.partition);
      sequence_number_ = std::max(sequence_number_, task.sequence_number);
      for (const DataFile& deletes : task.deletes) applied_.insert(deletes.file_path);
    }
    for (const DataFile& file : rewrite_.added) {
      const auto partitions = partitions_.find(file.spec_id);
      const bool stays =
          partitions != partitions_.end() && partitions->second.contains(file.partition);
      moves_rows_ = moves_rows_ || !stays;
    }
    if (moves_rows_ || !applied_.empty()) sequence_number_ = rewrite_.start_sequence_number;
  }

  Status Apply(const UpdateContext& context, TableMetadata& metadata) override {
    OCTO_TRY(CheckNewFiles(metadata, rewrite_.added));
    OCTO_TRY(producer_.Begin(context, metadata));
    SnapshotChanges changes;
    for (const DataFile& file : rewrite_.added) changes.AddFile(file);
    OCTO_ASSIGN(std::vector<ManifestFile> manifests,
                producer_.AddFiles(context, metadata, rewrite_.added, sequence_number_));
    const size_t added = manifests.size();
    std::set<std::string> missing = replaced_;
    std::set<std::string> not_seen = applied_;
    std::vector<ManifestFile> deletes;  // that may concern the files
    for (const ManifestFile& manifest : producer_.parent_manifests()) {
      const bool is_deletes = manifest.content == ManifestContent::kDeletes;
      OCTO_ASSIGN(const bool affected, is_deletes ? concerned_.MayBeConcerned(manifest, metadata)
                                                  : MayBeAffected(metadata, manifest));
      if (!affected) {
        manifests.push_back(manifest);
      } else if (is_deletes) {
        OCTO_TRY(CheckDeletes(context, metadata, manifest, not_seen));
        deletes.push_back(manifest);
      } else {
        OCTO_ASSIGN(ManifestFile filtered,
                    Filter(context, metadata, manifest, filter_, changes, &missing));
        manifests.push_back(std::move(filtered));
      }
    }
    if (!missing.empty()) {
      return Conflict(metadata, *missing.begin() +
                                    " was to be rewritten, but is not in it any "
                                    "more: somebody else has replaced or deleted it");
    }
    if (!not_seen.empty()) {
      return Conflict(metadata, *not_seen.begin() +
                                    " deleted rows of files that were rewritten, but "
                                    "is not in it any more: the rows may be back");
    }
    if (!deletes.empty()) OCTO_TRY(FindOthers(context, metadata, manifests));
    // Of this attempt: which files stay may be different in the next one.
    ManifestFilter delete_filter([this](const ManifestEntry& entry) { return IsDangling(entry); });
    for (const ManifestFile& manifest : deletes) {
      OCTO_ASSIGN(ManifestFile filtered,
                  Filter(context, metadata, manifest, delete_filter, changes, nullptr));
      manifests.push_back(std::move(filtered));
    }
    OCTO_ASSIGN(manifests,
                merger_.Merge(context, metadata, producer_, added, std::move(manifests)));
    return producer_.Commit(context, metadata, "replace", changes, manifests);
  }

  std::vector<std::string> Unused(const TableMetadata* committed) const override {
    return producer_.Unused(committed);
  }

  std::optional<int64_t> NewSnapshotId() const override { return producer_.chosen_snapshot_id(); }

 private:
  static tl::unexpected<Error> Conflict(const TableMetadata& metadata, const std::string& what) {
    return MakeError(ErrorKind::kCommitConflict, "table " + metadata.location + ": " + what);
  }

  Result<ManifestFile> Filter(const UpdateContext& context, const TableMetadata& metadata,
                              const ManifestFile& manifest, ManifestFilter& filter,
                              SnapshotChanges& changes, std::set<std::string>* missing) {
    OCTO_ASSIGN(const FilteredManifest* filtered,
                filter.Filter(context, metadata, producer_, manifest));
    for (const DataFile& file : filtered->removed) {
      changes.RemoveFile(file);
      if (missing != nullptr) missing->erase(file.file_path);
    }
    return filtered->rewritten ? Renumbered(*filtered->rewritten, producer_.sequence_number())
                               : manifest;
  }

  // The oldest of the data files that stay, of each partition.
  Status FindOthers(const UpdateContext& context, const TableMetadata& metadata,
                    const std::vector<ManifestFile>& manifests) {
    others_.clear();
    for (const ManifestFile& manifest : manifests) {
      if (manifest.added_snapshot_id == producer_.snapshot_id() &&
          manifest.existing_files_count == 0)
        continue;  // the new files
      OCTO_ASSIGN(const bool affected, MayBeAffected(metadata, manifest));
      if (!affected || manifest.content != ManifestContent::kData) continue;
      OCTO_ASSIGN(const std::vector<ManifestEntry> entries,
                  ReadManifest(context.file_system, manifest, metadata));
      for (const ManifestEntry& entry : entries) {
        if (entry.status == EntryStatus::kDeleted) continue;
        const auto [oldest, first] =
            others_.emplace(SpecPartition{entry.data_file.spec_id, entry.data_file.partition},
                            *entry.sequence_number);
        if (!first) oldest->second = std::min(oldest->second, *entry.sequence_number);
      }
    }
    return {};
  }

  // Whether position deletes, all of them applied, can concern no file that stays.
  bool IsDangling(const ManifestEntry& entry) const {
    const DataFile& file = entry.data_file;
    if (!applied_.contains(file.file_path)) return false;
    if (file.referenced_data_file) return replaced_.contains(*file.referenced_data_file);
    const auto partitions = partitions_.find(file.spec_id);
    if (partitions == partitions_.end() || !partitions->second.contains(file.partition)) {
      return false;
    }
    const auto oldest = others_.find({file.spec_id, file.partition});
    return oldest == others_.end() || oldest->second > *entry.sequence_number;
  }

  // Whether the manifest may name one of the files.
  Result<bool> MayBeAffected(const TableMetadata& metadata, const ManifestFile& manifest) const {
    const auto partitions = partitions_.find(manifest.partition_spec_id);
    if (partitions == partitions_.end()) return false;
    OCTO_ASSIGN(const ManifestPartitions held, ManifestPartitions::Of(manifest, metadata));
    for (const PartitionValues& partition : partitions->second) {
      OCTO_ASSIGN(const bool may_hold, held.MayHold(partition));
      if (may_hold) return true;
    }
    return false;
  }

  // Rows may have been deleted since they were read, or be deleted no longer.
  Status CheckDeletes(const UpdateContext& context, const TableMetadata& metadata,
                      const ManifestFile& manifest, std::set<std::string>& not_seen) const {
    OCTO_ASSIGN(const std::vector<DeleteFile> found,
                ReadDeleteFiles(context.file_system, manifest, metadata));
    for (const DeleteFile& deletes : found) {
      not_seen.erase(deletes.file.file_path);
      OCTO_ASSIGN(const std::vector<ScanTask*> concerned, concerned_.ConcernedBy(deletes));
      for (const ScanTask* task : concerned) {
        if (AppliesAfterwards(deletes, *task)) continue;
        return Conflict(metadata, "somebody else has deleted rows (" + deletes.file.file_path +
                                      ") in files that were to be rewritten");
      }
    }
    return {};
  }

  // Whether rows of the task that the delete file names are gone from the new files, or will be to
  // whoever reads them.
  bool AppliesAfterwards(const DeleteFile& deletes, const ScanTask& task) const {
    if (deletes.file.content == FileContent::kEqualityDeletes) {
      return deletes.sequence_number > sequence_number_ && (!moves_rows_ || deletes.unpartitioned);
    }
    return std::any_of(task.deletes.begin(), task.deletes.end(), [&](const DataFile& applied) {
      return applied.file_path == deletes.file.file_path;
    });
  }

  FileRewrite rewrite_;
  std::set<std::string> replaced_;
  std::map<int32_t, PartitionSet> partitions_;  // of the replaced files, by spec
  std::set<std::string> applied_;               // delete files
  bool moves_rows_ = false;                     // to another partition or spec
  std::map<SpecPartition, int64_t> others_;  // least sequence numbers of the data files that stay
  int64_t sequence_number_ = 0;
  SnapshotProducer producer_;
  ManifestMerger merger_;
  ManifestFilter filter_;
  DeleteTargets concerned_;  // by deletes
};

}  // namespace

std::unique_ptr<TableUpdate> RewriteFiles(FileRewrite rewrite, Properties summary) {
  return std::make_unique<RewriteFilesUpdate>(std::move(rewrite), std::move(summary));
}

}  // namespace octolake::iceberg
