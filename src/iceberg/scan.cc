#include "iceberg/scan.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "iceberg/bound_filter.h"
#include "iceberg/manifest_io.h"

namespace octolake::iceberg {
namespace {

std::string OperationOf(const Snapshot& snapshot) {
  const auto found = snapshot.summary.find("operation");
  return found == snapshot.summary.end() ? "" : found->second;
}

bool HasLiveFiles(const ManifestFile& manifest) {
  // Unknown counts are -1.
  return manifest.added_files_count != 0 || manifest.existing_files_count != 0;
}

// kUnsupported if the manifest names a delete file that is live.
Status CheckDeleteManifest(io::FileSystem& fs, const TableMetadata& metadata,
                           const ManifestFile& manifest) {
  if (!HasLiveFiles(manifest)) return {};
  OCTO_ASSIGN(const std::vector<ManifestEntry> entries, ReadManifest(fs, manifest, metadata));
  for (const ManifestEntry& entry : entries) {
    if (entry.status == EntryStatus::kDeleted) continue;
    return MakeError(ErrorKind::kUnsupported,
                     "table " + metadata.location + " has delete files, for example " +
                         entry.data_file.file_path +
                         "; it can be read after they have been compacted away");
  }
  return {};
}

// Adds the files of one snapshot's manifests for which `wanted` holds and the filter may.
template <typename WantedManifest, typename WantedEntry>
Status CollectTasks(io::FileSystem& fs, const TableMetadata& metadata, const Snapshot& snapshot,
                    const BoundFilter& filter, WantedManifest wanted_manifest,
                    WantedEntry wanted_entry, std::vector<ScanTask>& tasks) {
  OCTO_ASSIGN(const std::vector<ManifestFile> manifests, ReadManifestList(fs, snapshot));
  for (const ManifestFile& manifest : manifests) {
    if (!HasLiveFiles(manifest) || !wanted_manifest(manifest)) continue;
    if (manifest.content == ManifestContent::kDeletes) {
      OCTO_TRY(CheckDeleteManifest(fs, metadata, manifest));
      continue;
    }
    OCTO_ASSIGN(const bool manifest_may_match, filter.ManifestMayMatch(manifest));
    if (!manifest_may_match) continue;
    OCTO_ASSIGN(std::vector<ManifestEntry> entries, ReadManifest(fs, manifest, metadata));
    for (ManifestEntry& entry : entries) {
      if (!wanted_entry(entry)) continue;
      OCTO_ASSIGN(const bool file_may_match, filter.FileMayMatch(entry.data_file));
      if (!file_may_match) continue;
      tasks.push_back({.file = std::move(entry.data_file),
                       .snapshot_id = *entry.snapshot_id,
                       .sequence_number = *entry.sequence_number});
    }
  }
  return {};
}

tl::unexpected<Error> UnknownSnapshot(const TableMetadata& metadata, int64_t snapshot_id) {
  return MakeError(ErrorKind::kNotFound, "table " + metadata.location + " has no snapshot " +
                                             std::to_string(snapshot_id) + "; it may have expired");
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

bool IsLive(const ManifestEntry& entry) { return entry.status != EntryStatus::kDeleted; }

void SortBySequence(std::vector<ScanTask>& tasks) {
  std::stable_sort(tasks.begin(), tasks.end(), [](const ScanTask& a, const ScanTask& b) {
    return a.sequence_number < b.sequence_number;
  });
}

// Paths of the live files of a snapshot in manifests that `others` does not name.
Result<std::set<std::string>> LiveFilesBeside(io::FileSystem& fs, const TableMetadata& metadata,
                                              const std::vector<ManifestFile>& manifests,
                                              const std::set<std::string>& others) {
  std::set<std::string> files;
  for (const ManifestFile& manifest : manifests) {
    if (manifest.content != ManifestContent::kData || !HasLiveFiles(manifest)) continue;
    if (others.contains(manifest.manifest_path)) continue;
    OCTO_ASSIGN(std::vector<ManifestEntry> entries, ReadManifest(fs, manifest, metadata));
    for (ManifestEntry& entry : entries) {
      if (IsLive(entry)) files.insert(std::move(entry.data_file.file_path));
    }
  }
  return files;
}

std::set<std::string> PathsOf(const std::vector<ManifestFile>& manifests) {
  std::set<std::string> paths;
  for (const ManifestFile& manifest : manifests) paths.insert(manifest.manifest_path);
  return paths;
}

// The live files of `to` that `from` did not have, if those of `from` are all still there: then
// they are what was appended, whatever snapshots there were in between (known or not; what came and
// went between the two is not seen). nullopt if a file of `from` is gone. Manifests that both
// snapshots name are not read.
Result<std::optional<std::vector<ScanTask>>> AddedSince(io::FileSystem& fs,
                                                        const TableMetadata& metadata,
                                                        const Snapshot& from, const Snapshot& to,
                                                        const BoundFilter& filter) {
  if (to.sequence_number < from.sequence_number) return std::nullopt;
  OCTO_ASSIGN(const std::vector<ManifestFile> before, ReadManifestList(fs, from.manifest_list));
  OCTO_ASSIGN(const std::vector<ManifestFile> after, ReadManifestList(fs, to.manifest_list));
  const std::set<std::string> paths_before = PathsOf(before);
  OCTO_ASSIGN(std::set<std::string> missing, LiveFilesBeside(fs, metadata, before, PathsOf(after)));
  std::vector<ScanTask> tasks;
  for (const ManifestFile& manifest : after) {
    if (!HasLiveFiles(manifest) || paths_before.contains(manifest.manifest_path)) continue;
    if (manifest.content == ManifestContent::kDeletes) {
      OCTO_TRY(CheckDeleteManifest(fs, metadata, manifest));
      continue;
    }
    OCTO_ASSIGN(const bool manifest_may_match, filter.ManifestMayMatch(manifest));
    if (!manifest_may_match && missing.empty()) continue;
    OCTO_ASSIGN(std::vector<ManifestEntry> entries, ReadManifest(fs, manifest, metadata));
    for (ManifestEntry& entry : entries) {
      if (!IsLive(entry) || missing.erase(entry.data_file.file_path) > 0) continue;
      OCTO_ASSIGN(const bool file_may_match, filter.FileMayMatch(entry.data_file));
      if (!file_may_match) continue;
      tasks.push_back({.file = std::move(entry.data_file),
                       .snapshot_id = *entry.snapshot_id,
                       .sequence_number = *entry.sequence_number});
    }
  }
  if (!missing.empty()) return std::nullopt;
  SortBySequence(tasks);
  return std::optional<std::vector<ScanTask>>(std::move(tasks));
}

}  // namespace

Result<std::vector<ScanTask>> PlanScan(io::FileSystem& fs, const TableMetadata& metadata,
                                       std::optional<int64_t> snapshot_id, const Filter& filter) {
  OCTO_ASSIGN(const BoundFilter bound, BoundFilter::Bind(metadata, filter));
  const Snapshot* snapshot =
      snapshot_id ? metadata.FindSnapshot(*snapshot_id) : metadata.CurrentSnapshot();
  if (snapshot == nullptr && snapshot_id) return UnknownSnapshot(metadata, *snapshot_id);
  std::vector<ScanTask> tasks;
  if (snapshot == nullptr) return tasks;
  OCTO_TRY(CollectTasks(
      fs, metadata, *snapshot, bound, [](const ManifestFile&) { return true; }, IsLive, tasks));
  SortBySequence(tasks);
  return tasks;
}

Result<std::vector<ScanTask>> PlanAppendsBetween(io::FileSystem& fs, const TableMetadata& metadata,
                                                 std::optional<int64_t> from, int64_t to,
                                                 const Filter& filter) {
  if (!from) return PlanScan(fs, metadata, to, filter);
  OCTO_ASSIGN(const BoundFilter bound, BoundFilter::Bind(metadata, filter));
  const Snapshot* first = metadata.FindSnapshot(*from);
  const Snapshot* last = metadata.FindSnapshot(to);
  if (last == nullptr) return UnknownSnapshot(metadata, to);
  if (first == nullptr) return UnknownSnapshot(metadata, *from);
  OCTO_ASSIGN(auto added, AddedSince(fs, metadata, *first, *last, bound));
  if (added) return *std::move(added);
  // Files of `from` are gone: perhaps they were only rewritten, which the snapshots tell.
  OCTO_ASSIGN(const std::vector<const Snapshot*> snapshots, AppendsBetween(metadata, *from, to));
  std::vector<ScanTask> tasks;
  for (const Snapshot* snapshot : snapshots) {
    // In its own list, before any later merge, a snapshot's files are those it calls added.
    OCTO_TRY(CollectTasks(
        fs, metadata, *snapshot, bound,
        [&](const ManifestFile& manifest) {
          return manifest.added_snapshot_id == snapshot->snapshot_id &&
                 manifest.added_files_count != 0;
        },
        [&](const ManifestEntry& entry) {
          return entry.status == EntryStatus::kAdded && entry.snapshot_id == snapshot->snapshot_id;
        },
        tasks));
  }
  return tasks;
}

Result<bool> FileMayMatch(const TableMetadata& metadata, const DataFile& file,
                          const Filter& filter) {
  OCTO_ASSIGN(const BoundFilter bound, BoundFilter::Bind(metadata, filter));
  return bound.FileMayMatch(file);
}

}  // namespace octolake::iceberg
