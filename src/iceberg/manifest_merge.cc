#include "iceberg/manifest_merge.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "iceberg/manifest_io.h"

namespace octolake::iceberg {
namespace {

constexpr int64_t kDefaultMinCount = 100;
constexpr int64_t kDefaultTargetBytes = int64_t{8} << 20;

bool MergeEnabled(const TableMetadata& metadata) {
  const auto found = metadata.properties.find("commit.manifest-merge.enabled");
  return found == metadata.properties.end() || found->second != "false";
}

// Neighbours in bins of at most `target` bytes, packed from the back; order is kept.
std::vector<std::vector<ManifestFile>> PackFromTheBack(const std::vector<ManifestFile>& manifests,
                                                       int64_t target) {
  std::vector<std::vector<ManifestFile>> bins;
  int64_t bytes = 0;
  for (auto manifest = manifests.rbegin(); manifest != manifests.rend(); ++manifest) {
    if (bins.empty() || bytes + manifest->manifest_length > target) {
      bins.emplace_back();
      bytes = 0;
    }
    bins.back().push_back(*manifest);
    bytes += manifest->manifest_length;
  }
  std::reverse(bins.begin(), bins.end());
  for (auto& bin : bins) std::reverse(bin.begin(), bin.end());
  return bins;
}

// An entry of an older manifest as it stands in one of the new snapshot; nullopt to leave it out.
std::optional<ManifestEntry> CarryOver(ManifestEntry entry, int64_t snapshot_id) {
  const bool of_this_snapshot = entry.snapshot_id == snapshot_id;
  if (entry.status == EntryStatus::kDeleted) {
    if (!of_this_snapshot) return std::nullopt;
  } else if (entry.status == EntryStatus::kAdded && of_this_snapshot) {
    // The next attempt may have another sequence number: let it be inherited, unless the file holds
    // older rows and has their number.
    if (entry.sequence_number == entry.file_sequence_number) entry.sequence_number.reset();
    entry.file_sequence_number.reset();
  } else {
    entry.status = EntryStatus::kExisting;
  }
  return entry;
}

}  // namespace

Result<int64_t> ManifestTargetBytes(const TableMetadata& metadata) {
  return PositiveProperty(metadata, "commit.manifest.target-size-bytes", kDefaultTargetBytes);
}

Result<std::vector<ManifestFile>> ManifestMerger::Merge(const UpdateContext& context,
                                                        const TableMetadata& metadata,
                                                        SnapshotProducer& producer, size_t added,
                                                        std::vector<ManifestFile> manifests) {
  if (added == 0 || !MergeEnabled(metadata)) return manifests;
  std::map<std::pair<int32_t, ManifestContent>, std::vector<ManifestFile>> groups;
  for (size_t i = 0; i < manifests.size(); ++i) {
    const ManifestFile& manifest = manifests[i];
    groups[{manifest.partition_spec_id, manifest.content}].push_back(manifest);
  }
  std::vector<ManifestFile> result;
  // The newest spec first; delete manifests are never merged, they stay as they are.
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    if (group->first.second == ManifestContent::kDeletes) {
      std::move(group->second.begin(), group->second.end(), std::back_inserter(result));
      continue;
    }
    OCTO_ASSIGN(std::vector<ManifestFile> merged,
                MergeGroup(context, metadata, producer, group->second));
    std::move(merged.begin(), merged.end(), std::back_inserter(result));
  }
  return result;
}

Result<std::vector<ManifestFile>> ManifestMerger::MergeGroup(
    const UpdateContext& context, const TableMetadata& metadata, SnapshotProducer& producer,
    const std::vector<ManifestFile>& group) {
  OCTO_ASSIGN(const int64_t min_count,
              PositiveProperty(metadata, "commit.manifest.min-count-to-merge", kDefaultMinCount));
  OCTO_ASSIGN(const int64_t target, ManifestTargetBytes(metadata));
  std::vector<ManifestFile> result;
  const auto bins = PackFromTheBack(group, target);
  for (size_t i = 0; i < bins.size(); ++i) {
    const std::vector<ManifestFile>& bin = bins[i];
    // The first bin is the one that is still growing.
    const bool merge = bin.size() > 1 && (i > 0 || std::ssize(bin) >= min_count);
    if (!merge) {
      result.insert(result.end(), bin.begin(), bin.end());
      continue;
    }
    OCTO_ASSIGN(ManifestFile merged, MergeBin(context, metadata, producer, bin));
    result.push_back(std::move(merged));
  }
  return result;
}

Result<ManifestFile> ManifestMerger::MergeBin(const UpdateContext& context,
                                              const TableMetadata& metadata,
                                              SnapshotProducer& producer,
                                              const std::vector<ManifestFile>& bin) {
  std::string key;
  for (const ManifestFile& manifest : bin) {
    key += manifest.manifest_path + "\n";
    // Files inherit the number of their manifest, unless it is of this snapshot, which has none
    // yet.
    if (manifest.added_snapshot_id != producer.snapshot_id()) {
      key += std::to_string(manifest.sequence_number) + "\n";
    }
  }
  const auto found = merged_.find(key);
  if (found != merged_.end()) return Renumbered(found->second, producer.sequence_number());
  std::vector<ManifestEntry> entries;
  for (const ManifestFile& manifest : bin) {
    OCTO_ASSIGN(std::vector<ManifestEntry> read,
                ReadManifest(context.file_system, manifest, metadata));
    for (ManifestEntry& entry : read) {
      if (auto carried = CarryOver(std::move(entry), producer.snapshot_id())) {
        entries.push_back(*std::move(carried));
      }
    }
  }
  const ManifestFile& first = bin.front();
  OCTO_ASSIGN(
      ManifestFile merged,
      producer.WriteManifest(context, metadata, first.partition_spec_id, first.content, entries));
  merged_[key] = merged;
  return merged;
}

}  // namespace octolake::iceberg
