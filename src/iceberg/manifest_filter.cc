#include "iceberg/manifest_filter.h"

#include <utility>
#include <vector>

#include "iceberg/manifest_io.h"

namespace octolake::iceberg {

Result<const FilteredManifest*> ManifestFilter::Filter(const UpdateContext& context,
                                                       const TableMetadata& metadata,
                                                       SnapshotProducer& producer,
                                                       const ManifestFile& manifest) {
  const auto key = std::make_pair(manifest.manifest_path, manifest.sequence_number);
  const auto found = filtered_.find(key);
  if (found != filtered_.end()) return &found->second;
  OCTO_ASSIGN(std::vector<ManifestEntry> entries,
              ReadManifest(context.file_system, manifest, metadata));
  std::erase_if(entries, [](const ManifestEntry& entry) {
    return entry.status == EntryStatus::kDeleted;  // by an earlier snapshot
  });
  bool removes_any = false;
  for (ManifestEntry& entry : entries) {
    if (!removes_(entry)) {
      entry.status = EntryStatus::kExisting;
      continue;
    }
    entry.status = EntryStatus::kDeleted;
    entry.snapshot_id = producer.snapshot_id();
    removes_any = true;
  }
  FilteredManifest result;
  if (removes_any) {
    OCTO_ASSIGN(result.rewritten,
                producer.WriteManifest(context, metadata, manifest.partition_spec_id,
                                       manifest.content, entries));
    for (ManifestEntry& entry : entries) {
      if (entry.status != EntryStatus::kDeleted) continue;
      result.removed.push_back(std::move(entry.data_file));
    }
  }
  return &filtered_.emplace(key, std::move(result)).first->second;
}

}  // namespace octolake::iceberg
