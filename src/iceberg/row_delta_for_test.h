// A commit as another engine makes it that deletes rows: data files and delete files added, delete
// files removed, in one snapshot.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/manifest_io.h"
#include "iceberg/snapshot_producer.h"
#include "iceberg/update.h"

namespace octolake::iceberg {

struct RowDelta {
  std::vector<DataFile> files = {};
  std::vector<DataFile> deletes = {};
  std::set<std::string> removed_deletes = {};  // their paths
  std::string operation = "delete";
  Properties summary = {};
};

class RowDeltaUpdate final : public TableUpdate {
 public:
  explicit RowDeltaUpdate(RowDelta delta) : delta_(std::move(delta)), producer_(delta_.summary) {}

  Status Apply(const UpdateContext& context, TableMetadata& metadata) override {
    OCTO_TRY(producer_.Begin(context, metadata));
    SnapshotChanges changes;
    for (const DataFile& file : delta_.files) changes.AddFile(file);
    OCTO_ASSIGN(std::vector<ManifestFile> manifests,
                producer_.AddFiles(context, metadata, delta_.files));
    std::map<int32_t, std::vector<ManifestEntry>> by_spec;
    for (const DataFile& file : delta_.deletes) {
      changes.AddFile(file);
      ManifestEntry& entry = by_spec[file.spec_id].emplace_back();
      entry.snapshot_id = producer_.snapshot_id();
      entry.data_file = file;
    }
    for (const auto& [spec_id, entries] : by_spec) {
      OCTO_ASSIGN(
          ManifestFile manifest,
          producer_.WriteManifest(context, metadata, spec_id, ManifestContent::kDeletes, entries));
      manifests.push_back(std::move(manifest));
    }
    for (const ManifestFile& manifest : producer_.parent_manifests()) {
      OCTO_ASSIGN(ManifestFile kept, WithoutRemoved(context, metadata, manifest, changes));
      manifests.push_back(std::move(kept));
    }
    return producer_.Commit(context, metadata, delta_.operation, changes, manifests);
  }

  std::vector<std::string> Unused(const TableMetadata* committed) const override {
    return producer_.Unused(committed);
  }

  std::optional<int64_t> NewSnapshotId() const override { return producer_.chosen_snapshot_id(); }

 private:
  Result<ManifestFile> WithoutRemoved(const UpdateContext& context, const TableMetadata& metadata,
                                      const ManifestFile& manifest, SnapshotChanges& changes) {
    if (manifest.content == ManifestContent::kData || delta_.removed_deletes.empty()) {
      return manifest;
    }
    OCTO_ASSIGN(std::vector<ManifestEntry> entries,
                ReadManifest(context.file_system, manifest, metadata));
    for (ManifestEntry& entry : entries) {
      const bool removed = delta_.removed_deletes.contains(entry.data_file.file_path);
      entry.status = removed ? EntryStatus::kDeleted : EntryStatus::kExisting;
      if (removed) changes.RemoveFile(entry.data_file);
    }
    return producer_.WriteManifest(context, metadata, manifest.partition_spec_id, manifest.content,
                                   entries);
  }

  const RowDelta delta_;
  SnapshotProducer producer_;
};

inline std::unique_ptr<TableUpdate> CommitRowDelta(RowDelta delta) {
  return std::make_unique<RowDeltaUpdate>(std::move(delta));
}

// A file of position deletes as the manifests name it; `of` is the one data file that it refers to,
// or empty.
inline DataFile PositionDeletes(std::string path, PartitionValues partition, int64_t rows = 1,
                                const std::string& of = "") {
  DataFile file;
  file.content = FileContent::kPositionDeletes;
  file.file_path = std::move(path);
  file.partition = std::move(partition);
  file.record_count = rows;
  file.file_size_in_bytes = 50;
  if (!of.empty()) file.referenced_data_file = of;
  return file;
}

}  // namespace octolake::iceberg
