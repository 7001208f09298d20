#include "iceberg/delete_files.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "iceberg/manifest_io.h"
#include "iceberg/manifest_partitions.h"
#include "iceberg/scan_files.h"

namespace octolake::iceberg {
namespace {

const std::string* BoundOfPaths(const std::map<int32_t, std::string>& bounds) {
  const auto found = bounds.find(kDeleteFilePathId);
  return found == bounds.end() ? nullptr : &found->second;
}

// By the bounds, which may be cut short: a cut upper one should have been rounded up, which not
// every writer does.
bool MayNamePath(const DataFile& deletes, const std::string& path) {
  const std::string* lower = BoundOfPaths(deletes.lower_bounds);
  const std::string* upper = BoundOfPaths(deletes.upper_bounds);
  if (lower != nullptr && path < *lower) return false;
  return upper == nullptr || path <= *upper || path.starts_with(*upper);
}

// Equality deletes are for older files only, position deletes also for those of the same commit.
bool IsOldEnough(const ScanTask& task, const DeleteFile& deletes) {
  const bool equality = deletes.file.content == FileContent::kEqualityDeletes;
  return equality ? task.sequence_number < deletes.sequence_number
                  : task.sequence_number <= deletes.sequence_number;
}

bool SamePartition(const DataFile& a, const DataFile& b) {
  const PartitionLess less;
  return a.spec_id == b.spec_id && !less(a.partition, b.partition) &&
         !less(b.partition, a.partition);
}

constexpr const char* kWhatToDo =
    "; have the engine that wrote it rewrite the table's data files (in Spark, "
    "rewrite_data_files with delete-file-threshold 1), then read again";

Status CheckReadable(const DataFile& deletes, const DataFile& file) {
  if (deletes.content == FileContent::kEqualityDeletes) {
    return MakeError(ErrorKind::kUnsupported,
                     "equality delete file " + deletes.file_path + " applies to data file " +
                         file.file_path + "; only position delete files can be read" + kWhatToDo);
  }
  if (deletes.file_format == "PUFFIN") {
    return MakeError(ErrorKind::kUnsupported,
                     "deletion vector " + deletes.file_path + " applies to data file " +
                         file.file_path +
                         "; deletion vectors belong to format version 3, only position delete "
                         "files of version 2 can be read" +
                         kWhatToDo);
  }
  return {};
}

// Fields that were dropped leave void transforms behind.
bool IsUnpartitioned(const PartitionSpec& spec) {
  return std::all_of(spec.fields.begin(), spec.fields.end(), [](const PartitionField& field) {
    return field.transform.kind == Transform::Kind::kVoid;
  });
}

}  // namespace

Result<std::vector<DeleteFile>> ReadDeleteFiles(io::FileSystem& fs, const ManifestFile& manifest,
                                                const TableMetadata& metadata) {
  OCTO_ASSIGN(std::vector<ManifestEntry> entries, ReadManifest(fs, manifest, metadata));
  const PartitionSpec* spec = metadata.FindSpec(manifest.partition_spec_id);
  std::vector<DeleteFile> files;
  for (ManifestEntry& entry : entries) {
    if (!IsLive(entry)) continue;
    if (entry.data_file.content == FileContent::kData) {
      return MakeError(ErrorKind::kCorruption, "manifest " + manifest.manifest_path +
                                                   " is one of delete files, but names " +
                                                   entry.data_file.file_path + " as a data file");
    }
    files.push_back({.file = std::move(entry.data_file),
                     .sequence_number = *entry.sequence_number,
                     .unpartitioned = spec != nullptr && IsUnpartitioned(*spec)});
  }
  return files;
}

DeleteTargets::DeleteTargets(std::vector<ScanTask>& tasks) {
  least_sequence_number_ = std::numeric_limits<int64_t>::max();
  by_path_.reserve(tasks.size());
  for (ScanTask& task : tasks) {
    by_path_.emplace(task.file.file_path, &task);
    by_partition_[{task.file.spec_id, task.file.partition}].push_back(&task);
    least_sequence_number_ = std::min(least_sequence_number_, task.sequence_number);
  }
}

Result<bool> DeleteTargets::MayBeConcerned(const ManifestFile& manifest,
                                           const TableMetadata& metadata) const {
  if (manifest.content != ManifestContent::kDeletes || !HasLiveFiles(manifest)) return false;
  // No file is older than its manifest.
  if (manifest.sequence_number < least_sequence_number_) return false;
  const PartitionSpec* spec = metadata.FindSpec(manifest.partition_spec_id);
  if (spec == nullptr || IsUnpartitioned(*spec)) return true;
  OCTO_ASSIGN(const ManifestPartitions held, ManifestPartitions::Of(manifest, metadata));
  for (auto at = by_partition_.lower_bound({spec->spec_id, {}});
       at != by_partition_.end() && at->first.spec_id == spec->spec_id; ++at) {
    OCTO_ASSIGN(const bool may_hold, held.MayHold(at->first.values));
    if (may_hold) return true;
  }
  return false;
}

Result<std::vector<ScanTask*>> DeleteTargets::ConcernedBy(const DeleteFile& deletes) const {
  const DataFile& file = deletes.file;
  std::vector<ScanTask*> concerned;
  if (file.content == FileContent::kEqualityDeletes) {
    for (const auto& [partition, tasks] : by_partition_) {
      if (!deletes.unpartitioned && !SamePartition(tasks.front()->file, file)) continue;
      for (ScanTask* task : tasks) {
        if (IsOldEnough(*task, deletes)) concerned.push_back(task);
      }
    }
    return concerned;
  }
  const std::string* lower = BoundOfPaths(file.lower_bounds);
  const std::string* upper = BoundOfPaths(file.upper_bounds);
  const std::string* only = file.referenced_data_file ? &*file.referenced_data_file : nullptr;
  if (only == nullptr && lower != nullptr && upper != nullptr && *lower == *upper) only = lower;
  const auto found = only == nullptr ? by_path_.end() : by_path_.find(*only);
  if (found != by_path_.end()) {
    ScanTask* task = found->second;
    if (!IsOldEnough(*task, deletes)) return concerned;
    if (!SamePartition(task->file, file)) {
      return MakeError(ErrorKind::kCorruption,
                       "delete file " + file.file_path + " refers to data file " +
                           task->file.file_path +
                           ", but lies in another partition or partition spec, expected the same; "
                           "write the delete again with a program that is not mistaken");
    }
    concerned.push_back(task);
    return concerned;
  }
  if (file.referenced_data_file) return concerned;
  // Equal bounds that are no path we have may both be cut short.
  const auto in_partition = by_partition_.find({file.spec_id, file.partition});
  if (in_partition == by_partition_.end()) return concerned;
  for (ScanTask* task : in_partition->second) {
    if (IsOldEnough(*task, deletes) && MayNamePath(file, task->file.file_path)) {
      concerned.push_back(task);
    }
  }
  return concerned;
}

Status AttachDeletes(io::FileSystem& fs, const TableMetadata& metadata,
                     const std::vector<ManifestFile>& manifests, std::vector<ScanTask>& tasks) {
  const bool any_deletes = std::any_of(
      manifests.begin(), manifests.end(),
      [](const ManifestFile& manifest) { return manifest.content == ManifestContent::kDeletes; });
  if (!any_deletes || tasks.empty()) return {};
  const DeleteTargets files(tasks);
  for (const ManifestFile& manifest : manifests) {
    OCTO_ASSIGN(const bool may_be_concerned, files.MayBeConcerned(manifest, metadata));
    if (!may_be_concerned) continue;
    OCTO_ASSIGN(const std::vector<DeleteFile> found, ReadDeleteFiles(fs, manifest, metadata));
    for (const DeleteFile& deletes : found) {
      OCTO_ASSIGN(const std::vector<ScanTask*> concerned, files.ConcernedBy(deletes));
      for (ScanTask* task : concerned) {
        OCTO_TRY(CheckReadable(deletes.file, task->file));
        task->deletes.push_back(deletes.file);
      }
    }
  }
  return {};
}

}  // namespace octolake::iceberg
