// What planning a scan and planning what was appended share. Internal to iceberg/.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/bound_filter.h"
#include "iceberg/data_file.h"
#include "iceberg/manifest_io.h"
#include "iceberg/scan.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

inline bool HasLiveFiles(const ManifestFile& manifest) {
  // Unknown counts are -1.
  return manifest.added_files_count != 0 || manifest.existing_files_count != 0;
}

inline bool IsLive(const ManifestEntry& entry) { return entry.status != EntryStatus::kDeleted; }

inline ScanTask TaskOf(ManifestEntry entry) {
  return {.file = std::move(entry.data_file),
          .snapshot_id = *entry.snapshot_id,
          .sequence_number = *entry.sequence_number,
          .deletes = {}};
}

inline void SortBySequence(std::vector<ScanTask>& tasks) {
  std::stable_sort(tasks.begin(), tasks.end(), [](const ScanTask& a, const ScanTask& b) {
    return a.sequence_number < b.sequence_number;
  });
}

inline tl::unexpected<Error> UnknownSnapshot(const TableMetadata& metadata, int64_t snapshot_id) {
  return MakeError(ErrorKind::kNotFound, "table " + metadata.location + " has no snapshot " +
                                             std::to_string(snapshot_id) + "; it may have expired");
}

// Adds the data files of the manifests for which `wanted` holds and the filter may, without their
// deletes.
template <typename WantedManifest, typename WantedEntry>
Status CollectTasks(io::FileSystem& fs, const TableMetadata& metadata,
                    const std::vector<ManifestFile>& manifests, const BoundFilter& filter,
                    WantedManifest wanted_manifest, WantedEntry wanted_entry,
                    std::vector<ScanTask>& tasks) {
  for (const ManifestFile& manifest : manifests) {
    if (manifest.content != ManifestContent::kData || !HasLiveFiles(manifest) ||
        !wanted_manifest(manifest)) {
      continue;
    }
    OCTO_ASSIGN(const bool manifest_may_match, filter.ManifestMayMatch(manifest));
    if (!manifest_may_match) continue;
    OCTO_ASSIGN(std::vector<ManifestEntry> entries, ReadManifest(fs, manifest, metadata));
    for (ManifestEntry& entry : entries) {
      if (!wanted_entry(entry)) continue;
      OCTO_ASSIGN(const bool file_may_match, filter.FileMayMatch(entry.data_file));
      if (file_may_match) tasks.push_back(TaskOf(std::move(entry)));
    }
  }
  return {};
}

}  // namespace octolake::iceberg
