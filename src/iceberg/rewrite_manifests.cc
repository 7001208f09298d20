#include "iceberg/rewrite_manifests.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "iceberg/manifest_io.h"
#include "iceberg/manifest_merge.h"
#include "iceberg/partition_summary.h"
#include "iceberg/snapshot_producer.h"

namespace octolake::iceberg {
namespace {

// A kilobyte or so each.
constexpr int64_t kMostFilesAtOnce = 100'000;
// Fewer manifests beyond what is needed are left alone.
constexpr int64_t kWorthManifests = 8;

bool IsData(const ManifestFile& manifest) { return manifest.content == ManifestContent::kData; }

int64_t LiveFiles(const ManifestFile& manifest) {
  return int64_t{manifest.added_files_count} + manifest.existing_files_count;
}

// Manifests of one spec whose live files are in memory together, and what they became.
struct Part {
  std::vector<ManifestFile> before;
  std::vector<ManifestFile> after;
};

class RewriteManifestsUpdate final : public TableUpdate {
 public:
  explicit RewriteManifestsUpdate(Properties summary) : producer_(std::move(summary)) {}

  Status Apply(const UpdateContext& context, TableMetadata& metadata) override {
    OCTO_TRY(producer_.Begin(context, metadata));
    DropPartsOthersHaveRewritten();
    if (parts_.empty()) OCTO_TRY(WriteParts(context, metadata));
    std::vector<ManifestFile> manifests;
    std::set<std::string> replaced;
    for (const Part& part : parts_) {
      for (const ManifestFile& one : part.before) replaced.insert(one.manifest_path);
      for (const ManifestFile& one : part.after) {
        ManifestFile manifest = one;
        manifest.sequence_number = producer_.sequence_number();
        manifests.push_back(std::move(manifest));
      }
    }
    std::vector<ManifestFile> kept;
    for (const ManifestFile& manifest : producer_.parent_manifests()) {
      if (!replaced.contains(manifest.manifest_path)) kept.push_back(manifest);
    }
    // The newest first.
    manifests.insert(manifests.begin(), kept.begin(), kept.end());
    return producer_.Commit(context, metadata, "replace", SnapshotChanges(), manifests);
  }

  std::vector<std::string> Unused(const TableMetadata* committed) const override {
    return producer_.Unused(committed);
  }

  std::optional<int64_t> NewSnapshotId() const override { return producer_.chosen_snapshot_id(); }

 private:
  void DropPartsOthersHaveRewritten() {
    std::set<std::pair<std::string, int64_t>> present;
    for (const ManifestFile& manifest : producer_.parent_manifests()) {
      present.insert({manifest.manifest_path, manifest.sequence_number});
    }
    std::erase_if(parts_, [&](const Part& part) {
      return !std::all_of(part.before.begin(), part.before.end(), [&](const auto& one) {
        return present.contains({one.manifest_path, one.sequence_number});
      });
    });
  }

  Status WriteParts(const UpdateContext& context, const TableMetadata& metadata) {
    std::map<int32_t, std::vector<Part>> by_spec;
    for (const ManifestFile& manifest : producer_.parent_manifests()) {
      if (!IsData(manifest)) continue;
      std::vector<Part>& parts = by_spec[manifest.partition_spec_id];
      if (parts.empty() || Files(parts.back()) + LiveFiles(manifest) > kMostFilesAtOnce) {
        parts.emplace_back();
      }
      parts.back().before.push_back(manifest);
    }
    for (auto& [spec_id, parts] : by_spec) {
      for (Part& part : parts) {
        OCTO_TRY(WritePart(context, metadata, spec_id, part));
        parts_.push_back(std::move(part));
      }
    }
    return {};
  }

  static int64_t Files(const Part& part) {
    int64_t files = 0;
    for (const ManifestFile& manifest : part.before) files += LiveFiles(manifest);
    return files;
  }

  Status WritePart(const UpdateContext& context, const TableMetadata& metadata, int32_t spec_id,
                   Part& part) {
    std::vector<ManifestEntry> entries;
    int64_t bytes = 0;
    for (const ManifestFile& manifest : part.before) {
      bytes += manifest.manifest_length;
      OCTO_ASSIGN(std::vector<ManifestEntry> read,
                  ReadManifest(context.file_system, manifest, metadata));
      for (ManifestEntry& entry : read) {
        if (entry.status == EntryStatus::kDeleted) continue;
        entry.status = EntryStatus::kExisting;
        entries.push_back(std::move(entry));
      }
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const ManifestEntry& a, const ManifestEntry& b) {
                       return PartitionLess()(a.data_file.partition, b.data_file.partition);
                     });
    OCTO_ASSIGN(const int64_t target, ManifestTargetBytes(metadata));
    const size_t manifests =
        static_cast<size_t>(std::max<int64_t>(1, (bytes + target - 1) / target));
    const size_t each = std::max<size_t>(1, (entries.size() + manifests - 1) / manifests);
    for (size_t begin = 0; begin < entries.size(); begin += each) {
      const auto first = entries.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto count = static_cast<std::ptrdiff_t>(std::min(each, entries.size() - begin));
      OCTO_ASSIGN(ManifestFile manifest,
                  producer_.WriteManifest(context, metadata, spec_id, ManifestContent::kData,
                                          {first, first + count}));
      part.after.push_back(std::move(manifest));
    }
    return {};
  }

  SnapshotProducer producer_;
  std::vector<Part> parts_;  // as an earlier attempt found them
};

}  // namespace

Result<bool> ManifestsNeedRewrite(const TableMetadata& metadata,
                                  const std::vector<ManifestFile>& manifests) {
  OCTO_ASSIGN(const int64_t target, ManifestTargetBytes(metadata));
  struct Sums {
    int64_t manifests = 0;
    int64_t bytes = 0;
    int64_t files = 0;
  };
  std::map<int32_t, Sums> by_spec;
  for (const ManifestFile& manifest : manifests) {
    if (!IsData(manifest)) continue;
    Sums& sums = by_spec[manifest.partition_spec_id];
    ++sums.manifests;
    sums.bytes += manifest.manifest_length;
    sums.files += std::max<int64_t>(LiveFiles(manifest), 0);  // unknown counts are -1
  }
  return std::any_of(by_spec.begin(), by_spec.end(), [&](const auto& one) {
    const Sums& sums = one.second;
    // Each part of the files makes one at least.
    const int64_t needed = std::max(sums.bytes / target, 2 * sums.files / kMostFilesAtOnce) + 1;
    return sums.manifests > needed + kWorthManifests;
  });
}

std::unique_ptr<TableUpdate> RewriteManifests(Properties summary) {
  return std::make_unique<RewriteManifestsUpdate>(std::move(summary));
}

}  // namespace octolake::iceberg
