#include "iceberg/expired_files.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/json_object.h"
#include "iceberg/manifest_io.h"
#include "iceberg/manifest_partitions.h"
#include "iceberg/partition_summary.h"
#include "iceberg/table_places.h"

namespace octolake::iceberg {
namespace {

// Paths of files looked for at once; some 200 bytes each.
constexpr size_t kFilesAtOnce = 100'000;

std::set<int64_t> IdsOf(const SnapshotList& snapshots) {
  std::set<int64_t> ids;
  for (const Snapshot& snapshot : snapshots) ids.insert(snapshot.snapshot_id);
  return ids;
}

// The sequence number of the oldest snapshot that was taken out.
int64_t OldestExpired(const TableMetadata& base, const TableMetadata& committed) {
  const std::set<int64_t> kept = IdsOf(committed.snapshots);
  int64_t oldest = std::numeric_limits<int64_t>::max();
  for (const Snapshot& snapshot : base.snapshots) {
    if (kept.contains(snapshot.snapshot_id)) continue;
    oldest = std::min(oldest, snapshot.sequence_number);
  }
  return oldest;
}

// Files that vanished manifests name, and where remaining manifests may name them too. Not told
// apart by sequence number: a path may have been added anew by a later commit.
class OpenFiles {
 public:
  void Add(const ManifestFile& manifest, ManifestEntry entry) {
    DataFile& file = entry.data_file;
    partitions_.insert({manifest.content, {manifest.partition_spec_id, std::move(file.partition)}});
    paths_.insert(std::move(file.file_path));
  }
  void Erase(const std::string& path) { paths_.erase(path); }
  // Whether a live file of the manifest can be one of these.
  Result<bool> MayBeIn(const ManifestFile& manifest, const TableMetadata& metadata) const;
  size_t size() const { return paths_.size(); }
  std::set<std::string> Take() {
    partitions_.clear();
    return std::exchange(paths_, {});
  }

 private:
  std::set<std::string> paths_;
  std::set<std::pair<ManifestContent, SpecPartition>> partitions_;  // also of paths erased since
};

Result<bool> OpenFiles::MayBeIn(const ManifestFile& manifest, const TableMetadata& metadata) const {
  // Unknown counts are -1.
  if (manifest.added_files_count == 0 && manifest.existing_files_count == 0) return false;
  OCTO_ASSIGN(const ManifestPartitions held, ManifestPartitions::Of(manifest, metadata));
  for (const auto& [content, partition] : partitions_) {
    if (content != manifest.content) continue;
    // Another spec gives the same file another partition.
    if (partition.spec_id != manifest.partition_spec_id) return true;
    OCTO_ASSIGN(const bool may_hold, held.MayHold(partition.values));
    if (may_hold) return true;
  }
  return false;
}

// Remaining snapshots: first the newest one, which names most files, and those that followed the
// oldest expired one, which name most of its manifests.
std::vector<const Snapshot*> InOrderOfLooking(const SnapshotList& snapshots,
                                              int64_t oldest_expired_sequence_number) {
  std::vector<const Snapshot*> order;
  for (const Snapshot& snapshot : snapshots) order.push_back(&snapshot);
  std::stable_sort(order.begin(), order.end(), [](const Snapshot* a, const Snapshot* b) {
    return a->sequence_number > b->sequence_number;
  });
  const auto older = std::find_if(order.begin(), order.end(), [&](const Snapshot* snapshot) {
    return snapshot->sequence_number <= oldest_expired_sequence_number;
  });
  if (older != order.begin()) std::reverse(order.begin() + 1, older);
  return order;
}

// What remaining snapshots name.
class RemainingManifests {
 public:
  RemainingManifests(io::FileSystem& fs, const TableMetadata& metadata,
                     int64_t oldest_expired_sequence_number)
      : fs_(fs),
        metadata_(metadata),
        snapshots_(InOrderOfLooking(metadata.snapshots, oldest_expired_sequence_number)) {}

  // Takes out of `manifests` what a remaining snapshot names. A snapshot cannot name a manifest
  // that is newer than itself.
  Status Subtract(std::map<std::string, ManifestFile>& manifests) const {
    for (const Snapshot* snapshot : snapshots_) {
      const bool may_name = std::any_of(manifests.begin(), manifests.end(), [&](const auto& one) {
        return one.second.sequence_number <= snapshot->sequence_number;
      });
      if (!may_name) continue;
      OCTO_ASSIGN(const auto paths, ReadManifestPaths(fs_, snapshot->manifest_list));
      for (const std::string& path : paths) manifests.erase(path);
    }
    return {};
  }

  // Takes out of `files` what a remaining manifest says is live.
  Status Subtract(OpenFiles& files) const {
    std::set<std::string> seen;
    for (const Snapshot* snapshot : snapshots_) {
      if (files.size() == 0) return {};
      OCTO_ASSIGN(std::vector<ManifestFile> list, ReadManifestList(fs_, snapshot->manifest_list));
      // A manifest that vanished was most likely merged into one of many files.
      std::stable_sort(list.begin(), list.end(), [](const ManifestFile& a, const ManifestFile& b) {
        return a.existing_files_count > b.existing_files_count;
      });
      for (const ManifestFile& manifest : list) {
        if (files.size() == 0) return {};
        if (seen.insert(manifest.manifest_path).second) OCTO_TRY(SubtractManifest(manifest, files));
      }
    }
    return {};
  }

 private:
  Status SubtractManifest(const ManifestFile& manifest, OpenFiles& files) const {
    OCTO_ASSIGN(const bool relevant, files.MayBeIn(manifest, metadata_));
    if (!relevant) return {};
    OCTO_ASSIGN(const std::vector<std::string> paths, ReadLivePaths(fs_, manifest));
    for (const std::string& path : paths) files.Erase(path);
    return {};
  }

  io::FileSystem& fs_;
  const TableMetadata& metadata_;
  const std::vector<const Snapshot*> snapshots_;
};

class Remover {
 public:
  Remover(io::FileSystem& fs, const TableMetadata& base, const TableMetadata& committed,
          const TableMetadata& current)
      : fs_(fs),
        base_(base),
        committed_(committed),
        current_(current),
        others_expire_(LosesSnapshots(committed, current)),
        remaining_(fs, current, OldestExpired(base, committed)),
        places_(TablePlaces(current)) {}

  Result<int64_t> Run();

 private:
  Status ReadExpiredLists();
  Status RemoveDataFiles();
  Result<std::vector<ManifestEntry>> ReadExpired(const ManifestFile& manifest);
  Status RemoveOpenFiles(OpenFiles& files);
  Status RemoveStatistics(const std::string& before, const std::string& after);
  Status Remove(const std::string& location);

  io::FileSystem& fs_;
  const TableMetadata& base_;
  const TableMetadata& committed_;
  const TableMetadata& current_;
  const bool others_expire_;  // they remove files of the snapshots that they took out
  RemainingManifests remaining_;
  const std::map<std::string, std::string> places_;
  std::set<std::string> lists_;                    // named no more
  std::map<std::string, ManifestFile> manifests_;  // named no more
  int64_t removed_ = 0;
};

Status Remover::Remove(const std::string& location) {
  const bool own = std::any_of(places_.begin(), places_.end(), [&](const auto& place) {
    return location.starts_with(place.second + "/");
  });
  if (!own) return {};
  Status removed = fs_.Remove(location);
  if (removed) {
    ++removed_;
    return {};
  }
  // Another committer may have been at it.
  return removed.error().kind == ErrorKind::kNotFound ? Status() : removed;
}

Status Remover::ReadExpiredLists() {
  const std::set<int64_t> kept = IdsOf(committed_.snapshots);
  for (const Snapshot& snapshot : base_.snapshots) {
    if (!kept.contains(snapshot.snapshot_id)) lists_.insert(snapshot.manifest_list);
  }
  for (const Snapshot& snapshot : current_.snapshots) lists_.erase(snapshot.manifest_list);
  for (const std::string& list : lists_) {
    OCTO_ASSIGN(std::vector<ManifestFile> manifests, ReadManifestList(fs_, list));
    for (ManifestFile& manifest : manifests) {
      std::string path = manifest.manifest_path;
      manifests_.emplace(std::move(path), std::move(manifest));
    }
  }
  return remaining_.Subtract(manifests_);
}

Status Remover::RemoveOpenFiles(OpenFiles& files) {
  OCTO_TRY(remaining_.Subtract(files));
  for (const std::string& path : files.Take()) OCTO_TRY(Remove(path));
  return {};
}

// A manifest that snapshots share which others took out is removed by them, after its files.
Result<std::vector<ManifestEntry>> Remover::ReadExpired(const ManifestFile& manifest) {
  auto entries = ReadManifest(fs_, manifest, base_);
  if (!entries && others_expire_) {
    const auto file = fs_.Stat(manifest.manifest_path);
    if (!file && file.error().kind == ErrorKind::kNotFound) return std::vector<ManifestEntry>();
  }
  return entries;
}

// A file is live in some manifest as long as it is reachable; the last one to vanish tells of it.
// Deleted entries need no look: their files were live in older manifests.
Status Remover::RemoveDataFiles() {
  OpenFiles files;
  for (const auto& [path, manifest] : manifests_) {
    OCTO_ASSIGN(std::vector<ManifestEntry> entries, ReadExpired(manifest));
    for (ManifestEntry& entry : entries) {
      if (entry.status != EntryStatus::kDeleted) files.Add(manifest, std::move(entry));
    }
    if (files.size() >= kFilesAtOnce) OCTO_TRY(RemoveOpenFiles(files));
  }
  return RemoveOpenFiles(files);
}

std::set<std::string> StatisticsFiles(const std::string& array) {
  std::set<std::string> paths;
  const Json json = Json::parse(array, nullptr, false);
  if (!json.is_array()) return paths;
  for (const Json& entry : json) {
    if (!entry.is_object()) continue;
    const auto path = entry.find("statistics-path");
    if (path != entry.end() && path->is_string()) paths.insert(path->get<std::string>());
  }
  return paths;
}

Status Remover::RemoveStatistics(const std::string& before, const std::string& after) {
  if (before == after) return {};
  const std::set<std::string> kept = StatisticsFiles(after);
  for (const std::string& path : StatisticsFiles(before)) {
    if (!kept.contains(path)) OCTO_TRY(Remove(path));
  }
  return {};
}

Result<int64_t> Remover::Run() {
  OCTO_TRY(ReadExpiredLists());
  OCTO_TRY(RemoveDataFiles());
  OCTO_TRY(RemoveStatistics(base_.statistics_json, current_.statistics_json));
  OCTO_TRY(RemoveStatistics(base_.partition_statistics_json, current_.partition_statistics_json));
  // Last what names the others: until then a second try would find them.
  for (const auto& [path, manifest] : manifests_) OCTO_TRY(Remove(path));
  for (const std::string& list : lists_) OCTO_TRY(Remove(list));
  return removed_;
}

}  // namespace

bool LosesSnapshots(const TableMetadata& base, const TableMetadata& committed) {
  const std::set<int64_t> kept = IdsOf(committed.snapshots);
  return std::any_of(base.snapshots.begin(), base.snapshots.end(), [&](const Snapshot& snapshot) {
    return !kept.contains(snapshot.snapshot_id);
  });
}

Result<int64_t> RemoveExpiredFiles(io::FileSystem& fs, const TableMetadata& base,
                                   const TableMetadata& committed, const TableMetadata& current) {
  return Remover(fs, base, committed, current).Run();
}

}  // namespace octolake::iceberg
