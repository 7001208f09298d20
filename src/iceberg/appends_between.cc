#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "iceberg/bound_filter.h"
#include "iceberg/delete_files.h"
#include "iceberg/manifest_io.h"
#include "iceberg/scan.h"
#include "iceberg/scan_files.h"

namespace octolake::iceberg {
namespace {

std::string OperationOf(const Snapshot& snapshot) {
  const auto found = snapshot.summary.find("operation");
  return found == snapshot.summary.end() ? "" : found->second;
}

// The append snapshots after `from` up to `to`, oldest first.
Result<std::vector<const Snapshot*>> AppendsBetween(const TableMetadata& metadata, int64_t from,
                                                    int64_t to) {
  const std::vector<const Snapshot*> ancestors = AncestorsOf(metadata, to);
  const auto end = std::find_if(ancestors.begin(), ancestors.end(),
                                [&](const Snapshot* one) { return one->snapshot_id == from; });
  if (end == ancestors.end()) {
    return MakeError(ErrorKind::kNotFound, "files of snapshot " + std::to_string(from) +
                                               " of table " + metadata.location +
                                               " were replaced, and it is no known ancestor of " +
                                               "snapshot " + std::to_string(to) +
                                               "; snapshots between them may have expired");
  }
  std::vector<const Snapshot*> appends;
  for (auto at = ancestors.begin(); at != end; ++at) {
    const Snapshot* snapshot = *at;
    const std::string operation = OperationOf(*snapshot);
    if (operation == "append") {
      appends.push_back(snapshot);
    } else if (operation != "replace") {
      return MakeError(ErrorKind::kUnsupported,
                       "snapshot " + std::to_string(snapshot->snapshot_id) + " of table " +
                           metadata.location + " is no append but '" + operation +
                           "'; what changed since cannot be read as appended rows");
    }
  }
  std::reverse(appends.begin(), appends.end());
  return appends;
}

// Two snapshots of a table.
class SnapshotPair {
 public:
  static Result<SnapshotPair> Read(io::FileSystem& fs, const TableMetadata& metadata,
                                   const Snapshot& from, const Snapshot& to) {
    SnapshotPair pair(fs, metadata);
    OCTO_ASSIGN(pair.before_, ReadManifestList(fs, from.manifest_list));
    OCTO_ASSIGN(pair.after_, ReadManifestList(fs, to.manifest_list));
    for (const ManifestFile& manifest : pair.before_) {
      pair.paths_before_.insert(manifest.manifest_path);
    }
    for (const ManifestFile& manifest : pair.after_) {
      pair.paths_after_.insert(manifest.manifest_path);
    }
    return pair;
  }

  // The live data files of the later snapshot that the earlier one did not have, with the deletes
  // that apply to them; nullopt if the earlier one's rows are not all there, or may not be: a file
  // is gone, or deletes changed that apply to one. Data manifests that both name are only read
  // where deletes changed.
  Result<std::optional<std::vector<ScanTask>>> Added(const BoundFilter& filter) const {
    OCTO_ASSIGN(std::set<std::string> missing, FilesOnlyBefore());
    std::vector<ScanTask> tasks;
    for (const ManifestFile& manifest : after_) {
      if (!IsOnlyAfter(manifest, ManifestContent::kData)) continue;
      OCTO_ASSIGN(const bool manifest_may_match, filter.ManifestMayMatch(manifest));
      if (!manifest_may_match && missing.empty()) continue;
      OCTO_ASSIGN(std::vector<ManifestEntry> entries, ReadManifest(*fs_, manifest, *metadata_));
      for (ManifestEntry& entry : entries) {
        if (!IsLive(entry) || missing.erase(entry.data_file.file_path) > 0) continue;
        OCTO_ASSIGN(const bool file_may_match, filter.FileMayMatch(entry.data_file));
        if (file_may_match) tasks.push_back(TaskOf(std::move(entry)));
      }
    }
    if (!missing.empty()) return std::nullopt;
    OCTO_ASSIGN(const bool deletes_changed, DeletesOfEarlierFilesChanged());
    if (deletes_changed) return std::nullopt;
    OCTO_TRY(AttachDeletes(*fs_, *metadata_, after_, tasks));
    SortBySequence(tasks);
    return std::optional<std::vector<ScanTask>>(std::move(tasks));
  }

 private:
  SnapshotPair(io::FileSystem& fs, const TableMetadata& metadata)
      : fs_(&fs), metadata_(&metadata) {}

  bool IsOnlyBefore(const ManifestFile& manifest, ManifestContent content) const {
    return manifest.content == content && HasLiveFiles(manifest) &&
           !paths_after_.contains(manifest.manifest_path);
  }
  bool IsOnlyAfter(const ManifestFile& manifest, ManifestContent content) const {
    return manifest.content == content && HasLiveFiles(manifest) &&
           !paths_before_.contains(manifest.manifest_path);
  }

  // Paths of the live data files in manifests that only the earlier snapshot names.
  Result<std::set<std::string>> FilesOnlyBefore() const {
    std::set<std::string> files;
    for (const ManifestFile& manifest : before_) {
      if (!IsOnlyBefore(manifest, ManifestContent::kData)) continue;
      OCTO_ASSIGN(std::vector<ManifestEntry> entries, ReadManifest(*fs_, manifest, *metadata_));
      for (ManifestEntry& entry : entries) {
        if (IsLive(entry)) files.insert(std::move(entry.data_file.file_path));
      }
    }
    return files;
  }

  // The delete files that only one of the snapshots has.
  Result<std::vector<DeleteFile>> ChangedDeletes() const {
    std::map<std::string, DeleteFile> gone;
    std::vector<DeleteFile> changed;
    for (const ManifestFile& manifest : before_) {
      if (!IsOnlyBefore(manifest, ManifestContent::kDeletes)) continue;
      OCTO_ASSIGN(std::vector<DeleteFile> files, ReadDeleteFiles(*fs_, manifest, *metadata_));
      for (DeleteFile& file : files) {
        std::string path = file.file.file_path;
        gone.emplace(std::move(path), std::move(file));
      }
    }
    for (const ManifestFile& manifest : after_) {
      if (!IsOnlyAfter(manifest, ManifestContent::kDeletes)) continue;
      OCTO_ASSIGN(std::vector<DeleteFile> files, ReadDeleteFiles(*fs_, manifest, *metadata_));
      for (DeleteFile& file : files) {
        if (gone.erase(file.file.file_path) == 0) changed.push_back(std::move(file));
      }
    }
    for (auto& [path, file] : gone) changed.push_back(std::move(file));
    return changed;
  }

  Result<bool> DeletesOfEarlierFilesChanged() const {
    OCTO_ASSIGN(const std::vector<DeleteFile> changed, ChangedDeletes());
    if (changed.empty()) return false;
    int64_t newest = 0;
    for (const DeleteFile& deletes : changed) newest = std::max(newest, deletes.sequence_number);
    for (const ManifestFile& manifest : before_) {
      if (manifest.content != ManifestContent::kData || !HasLiveFiles(manifest) ||
          manifest.min_sequence_number > newest) {
        continue;
      }
      OCTO_ASSIGN(std::vector<ManifestEntry> entries, ReadManifest(*fs_, manifest, *metadata_));
      std::vector<ScanTask> tasks;
      for (ManifestEntry& entry : entries) {
        if (IsLive(entry)) tasks.push_back(TaskOf(std::move(entry)));
      }
      const DeleteTargets files(tasks);
      for (const DeleteFile& deletes : changed) {
        OCTO_ASSIGN(const std::vector<ScanTask*> concerned, files.ConcernedBy(deletes));
        if (!concerned.empty()) return true;
      }
    }
    return false;
  }

  io::FileSystem* fs_;
  const TableMetadata* metadata_;
  std::vector<ManifestFile> before_;
  std::vector<ManifestFile> after_;
  std::set<std::string> paths_before_;  // of the manifests
  std::set<std::string> paths_after_;
};

// What an append snapshot added, as it was then: in its own list, before any later merge, a
// snapshot's files are those it calls added.
Status CollectAppended(io::FileSystem& fs, const TableMetadata& metadata, const Snapshot& snapshot,
                       const BoundFilter& filter, std::vector<ScanTask>& all) {
  OCTO_ASSIGN(const std::vector<ManifestFile> manifests, ReadManifestList(fs, snapshot));
  std::vector<ScanTask> tasks;
  OCTO_TRY(CollectTasks(
      fs, metadata, manifests, filter,
      [&](const ManifestFile& manifest) {
        return manifest.added_snapshot_id == snapshot.snapshot_id &&
               manifest.added_files_count != 0;
      },
      [&](const ManifestEntry& entry) {
        return entry.status == EntryStatus::kAdded && entry.snapshot_id == snapshot.snapshot_id;
      },
      tasks));
  OCTO_TRY(AttachDeletes(fs, metadata, manifests, tasks));
  std::move(tasks.begin(), tasks.end(), std::back_inserter(all));
  return {};
}

}  // namespace

Result<std::vector<ScanTask>> PlanAppendsBetween(io::FileSystem& fs, const TableMetadata& metadata,
                                                 std::optional<int64_t> from, int64_t to,
                                                 const Filter& filter) {
  if (!from) return PlanScan(fs, metadata, to, filter);
  OCTO_ASSIGN(const BoundFilter bound, BoundFilter::Bind(metadata, filter));
  const Snapshot* first = metadata.FindSnapshot(*from);
  const Snapshot* last = metadata.FindSnapshot(to);
  if (last == nullptr) return UnknownSnapshot(metadata, to);
  if (first == nullptr) return UnknownSnapshot(metadata, *from);
  if (last->sequence_number >= first->sequence_number) {
    OCTO_ASSIGN(const SnapshotPair pair, SnapshotPair::Read(fs, metadata, *first, *last));
    OCTO_ASSIGN(auto added, pair.Added(bound));
    if (added) return *std::move(added);
  }
  // Rows of `from` are not where they were: perhaps they were only rewritten, which the snapshots
  // tell.
  OCTO_ASSIGN(const std::vector<const Snapshot*> snapshots, AppendsBetween(metadata, *from, to));
  std::vector<ScanTask> tasks;
  for (const Snapshot* snapshot : snapshots) {
    OCTO_TRY(CollectAppended(fs, metadata, *snapshot, bound, tasks));
  }
  return tasks;
}

}  // namespace octolake::iceberg
