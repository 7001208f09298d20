// Orders the manifests of a table by partition.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "iceberg/update.h"

namespace octolake::iceberg {

// Whether the manifests of a snapshot are so many more than their bytes need
// (commit.manifest.target-size-bytes) that a rewrite pays.
Result<bool> ManifestsNeedRewrite(const TableMetadata& metadata,
                                  const std::vector<ManifestFile>& manifests);

// Writes what the data manifests of the current snapshot name into manifests of the target size
// (commit.manifest.target-size-bytes, 8 MiB), by spec and, within it, by partition, so that a scan
// of few partitions opens few of them. One replace snapshot in which no file changes; delete
// manifests, and what others commit meanwhile, stay as they are. The entries of at most a fixed
// number of files are in memory at once; each such part is ordered by itself.
std::unique_ptr<TableUpdate> RewriteManifests(Properties summary);

}  // namespace octolake::iceberg
