// Keeps the number of manifests bounded: merges small ones of the same partition spec and content
// into ones of a target size.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/snapshot_producer.h"
#include "iceberg/table_metadata.h"
#include "iceberg/update.h"

namespace octolake::iceberg {

// What manifests should have: commit.manifest.target-size-bytes (8 MiB).
Result<int64_t> ManifestTargetBytes(const TableMetadata& metadata);

// Kept by an update over its attempts, so that what was merged once is not merged again.
class ManifestMerger {
 public:
  // `manifests` are those of the new snapshot, newest first; the first `added` were written for it.
  // Table properties: commit.manifest-merge.enabled (true), commit.manifest.min-count-to-merge
  // (100), commit.manifest.target-size-bytes (8 MiB). Packing begins with the oldest manifest, so
  // that what stays small is at the new end; that last group is merged only when it has the least
  // count. Only manifests that are merged are read. Files added or deleted by the new snapshot keep
  // their status; all other live ones become existing, with their own numbers, and other deleted
  // ones are left out.
  Result<std::vector<ManifestFile>> Merge(const UpdateContext& context,
                                          const TableMetadata& metadata, SnapshotProducer& producer,
                                          size_t added, std::vector<ManifestFile> manifests);

 private:
  Result<std::vector<ManifestFile>> MergeGroup(const UpdateContext& context,
                                               const TableMetadata& metadata,
                                               SnapshotProducer& producer,
                                               const std::vector<ManifestFile>& group);
  Result<ManifestFile> MergeBin(const UpdateContext& context, const TableMetadata& metadata,
                                SnapshotProducer& producer, const std::vector<ManifestFile>& bin);

  // By the paths and sequence numbers (which files inherit) of the manifests merged.
  std::map<std::string, ManifestFile> merged_;
};

}  // namespace octolake::iceberg
