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
        filter_([this](const DataFile& file) { return replaced_.contains(file.file_path); }) {
    for (const ScanTask& task : rewrite_.replaced) {
      replaced_.insert(task.file.file_path);
      partitions_[task.file.spec_id].insert(task.file.partition);
      sequence_number_ = std::max(sequence_number_, task.sequence_number);
    }
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
    for (const ManifestFile& manifest : producer_.parent_manifests()) {
      OCTO_ASSIGN(const bool affected, MayBeAffected(metadata, manifest));
      if (!affected) {
        manifests.push_back(manifest);
        continue;
      }
      if (manifest.content == ManifestContent::kDeletes) {
        OCTO_TRY(CheckDeletes(context, metadata, manifest));
        manifests.push_back(manifest);
        continue;
      }
      OCTO_ASSIGN(const FilteredManifest* filtered,
                  filter_.Filter(context, metadata, producer_, manifest));
      for (const DataFile& file : filtered->removed) {
        changes.RemoveFile(file);
        missing.erase(file.file_path);
      }
      manifests.push_back(filtered->rewritten
                              ? Renumbered(*filtered->rewritten, producer_.sequence_number())
                              : manifest);
    }
    if (!missing.empty()) {
      return Conflict(metadata, *missing.begin() +
                                    " was to be rewritten, but is not in it any "
                                    "more: somebody else has replaced or deleted it");
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

  // Whether the manifest may name one of the files, or deletes that concern one.
  Result<bool> MayBeAffected(const TableMetadata& metadata, const ManifestFile& manifest) const {
    const bool deletes = manifest.content == ManifestContent::kDeletes;
    if (deletes && manifest.sequence_number <= rewrite_.started_from) return false;
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
  int64_t sequence_number_ = 0;
  SnapshotProducer producer_;
  ManifestMerger merger_;
  ManifestFilter filter_;
};

}  // namespace

std::unique_ptr<TableUpdate> RewriteFiles(FileRewrite rewrite, Properties summary) {
  return std::make_unique<RewriteFilesUpdate>(std::move(rewrite), std::move(summary));
}

}  // namespace octolake::iceberg
