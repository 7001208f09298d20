#include "iceberg/rewrite_files.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "iceberg/manifest_filter.h"
#include "iceberg/manifest_io.h"
#include "iceberg/manifest_merge.h"
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
        delete_filter_([this](const ManifestEntry& entry) { return IsDangling(entry); }) {
    for (const ScanTask& task : rewrite_.replaced) {
      replaced_.insert(task.file.file_path);
      partitions_[task.file.spec_id].insert(task.file.partition);
      sequence_number_ = std::max(sequence_number_, task.sequence_number);
      applied_deletes_ = applied_deletes_ || !task.deletes.empty();
    }
    if (applied_deletes_) sequence_number_ = rewrite_.started_from;
  }

  Status Apply(const UpdateContext& context, TableMetadata& metadata) override {
    OCTO_TRY(CheckNewFiles(metadata, rewrite_.added));
    OCTO_TRY(producer_.Begin(context, metadata));
    SnapshotChanges changes;
    for (const DataFile& file : rewrite_.added) changes.AddFile(file);
    OCTO_ASSIGN(std::vector<ManifestFile> manifests,
                producer_.AddFiles(context, metadata, rewrite_.added, sequence_number_));
    const size_t added = manifests.size();
    if (applied_deletes_) OCTO_TRY(CheckAncestor(metadata));
    std::set<std::string> missing = replaced_;
    std::vector<ManifestFile> deletes;  // that may concern the files
    for (const ManifestFile& manifest : producer_.parent_manifests()) {
      OCTO_ASSIGN(const bool affected, MayBeAffected(metadata, manifest));
      if (!affected) {
        manifests.push_back(manifest);
      } else if (manifest.content == ManifestContent::kDeletes) {
        OCTO_TRY(CheckDeletes(context, metadata, manifest));
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
    if (applied_deletes_ && !deletes.empty()) OCTO_TRY(FindOthers(context, metadata, manifests));
    for (const ManifestFile& manifest : deletes) {
      OCTO_ASSIGN(ManifestFile filtered,
                  Filter(context, metadata, manifest, delete_filter_, changes, nullptr));
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

  // Rows that were deleted when the rewrite began may be back after a rollback.
  Status CheckAncestor(const TableMetadata& metadata) const {
    const auto ancestors = AncestorsOf(metadata, metadata.current_snapshot_id.value_or(0));
    const bool known = std::any_of(ancestors.begin(), ancestors.end(), [&](const Snapshot* one) {
      return one->sequence_number == rewrite_.started_from;
    });
    if (known) return {};
    return Conflict(metadata,
                    "the snapshot in which rows were deleted is no known ancestor of the "
                    "current one any more");
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
        auto& of_spec = others_[entry.data_file.spec_id];
        const auto [place, first] =
            of_spec.emplace(entry.data_file.partition, *entry.sequence_number);
        if (!first) place->second = std::min(place->second, *entry.sequence_number);
      }
    }
    return {};
  }

  // Whether position deletes, all of them applied, can concern no file that stays.
  bool IsDangling(const ManifestEntry& entry) const {
    const DataFile& file = entry.data_file;
    if (!applied_deletes_ || file.content != FileContent::kPositionDeletes ||
        *entry.sequence_number > rewrite_.started_from) {
      return false;
    }
    if (file.referenced_data_file) return replaced_.contains(*file.referenced_data_file);
    const auto partitions = partitions_.find(file.spec_id);
    if (partitions == partitions_.end() || !partitions->second.contains(file.partition)) {
      return false;
    }
    const auto of_spec = others_.find(file.spec_id);
    if (of_spec == others_.end()) return true;
    const auto oldest = of_spec->second.find(file.partition);
    return oldest == of_spec->second.end() || oldest->second > *entry.sequence_number;
  }

  // Whether the manifest may name one of the files, or deletes that concern one.
  Result<bool> MayBeAffected(const TableMetadata& metadata, const ManifestFile& manifest) const {
    const auto partitions = partitions_.find(manifest.partition_spec_id);
    if (partitions == partitions_.end()) return false;
    const PartitionSpec* spec = metadata.FindSpec(manifest.partition_spec_id);
    if (spec == nullptr) return true;
    OCTO_ASSIGN(const TypePtr type, PartitionType(SchemaForSpec(metadata, *spec), *spec));
    for (const PartitionValues& partition : partitions->second) {
      auto contained = SummariesMayContain(*type, manifest.partitions, partition);
      if (!contained) {
        return WithContext(std::move(contained).error(),
                           "partition summary of manifest " + manifest.manifest_path);
      }
      if (*contained) return true;
    }
    return false;
  }

  Status CheckDeletes(const UpdateContext& context, const TableMetadata& metadata,
                      const ManifestFile& manifest) const {
    OCTO_ASSIGN(const std::vector<ManifestEntry> entries,
                ReadManifest(context.file_system, manifest, metadata));
    for (const ManifestEntry& entry : entries) {
      const DataFile& file = entry.data_file;
      if (entry.status == EntryStatus::kDeleted || file.content != FileContent::kPositionDeletes ||
          *entry.sequence_number <= rewrite_.started_from) {
        continue;
      }
      const auto partitions = partitions_.find(file.spec_id);
      const bool concerns =
          file.referenced_data_file
              ? replaced_.contains(*file.referenced_data_file)
              : partitions != partitions_.end() && partitions->second.contains(file.partition);
      if (!concerns) continue;
      return Conflict(metadata, "somebody else has deleted rows (" + file.file_path +
                                    ") in files that were to be rewritten");
    }
    return {};
  }

  const FileRewrite rewrite_;
  std::set<std::string> replaced_;
  std::map<int32_t, PartitionSet> partitions_;  // of the replaced files, by spec
  bool applied_deletes_ = false;
  // Least sequence numbers of the data files that stay, by spec and partition.
  std::map<int32_t, std::map<PartitionValues, int64_t, PartitionLess>> others_;
  int64_t sequence_number_ = 0;
  SnapshotProducer producer_;
  ManifestMerger merger_;
  ManifestFilter filter_;
  ManifestFilter delete_filter_;
};

}  // namespace

std::unique_ptr<TableUpdate> RewriteFiles(FileRewrite rewrite, Properties summary) {
  return std::make_unique<RewriteFilesUpdate>(std::move(rewrite), std::move(summary));
}

}  // namespace octolake::iceberg
