#include "iceberg/manifest_filter.h"

#include "iceberg/manifest_io.h"

namespace octolake::iceberg {

Result<const FilteredManifest*> ManifestFilter::Filter(const UpdateContext& context,
                                                       const TableMetadata& metadata,
                                                       SnapshotProducer& producer,
                                                       const ManifestFile& manifest) {
  const auto key = std::make_pair(manifest.manifest_path, manifest.sequence_number);
  const auto found = filtered_.find(key);
  if (found != filtered_.end()) return &found->second;
  OCTO_ASSIGN(const std::vector<ManifestEntry> entries,
              ReadManifest(context.file_system, manifest, metadata));
  FilteredManifest result;
  std::vector<ManifestEntry> kept;
  for (const ManifestEntry& entry : entries) {
    if (entry.status == EntryStatus::kDeleted) continue;  // by an earlier snapshot
    ManifestEntry& copy = kept.emplace_back(entry);
    if (removes_(entry)) {
      copy.status = EntryStatus::kDeleted;
      copy.snapshot_id = producer.snapshot_id();
      result.removed.push_back(entry.data_file);
    } else {
      copy.status = EntryStatus::kExisting;
    }
  }
  if (!result.removed.empty()) {
    OCTO_ASSIGN(result.rewritten,
                producer.WriteManifest(context, metadata, manifest.partition_spec_id,
                                       manifest.content, kept));
  }
  return &filtered_.emplace(key, std::move(result)).first->second;
}

}  // namespace octolake::iceberg
