// Lets a commit pass only if others added nothing to the partitions that it rests on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "iceberg/partition.h"
#include "iceberg/update.h"

namespace octolake::iceberg {

// kCommitConflict if a snapshot after `since` (nullopt: since the table was made) added a data file
// in one of the partitions of a spec, or any file of another spec, or if `since` is no known
// ancestor of the current snapshot any more. Snapshots that only rewrite files (replace) add no
// rows and are passed over. Reads the manifests that were written since.
std::unique_ptr<TableUpdate> AssertNoFilesAdded(std::optional<int64_t> since, int32_t spec_id,
                                                const std::vector<PartitionValues>& partitions);

}  // namespace octolake::iceberg
