// The files that only snapshots named which a commit took out of a table.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// Whether `committed` lacks a snapshot of `base`.
bool LosesSnapshots(const TableMetadata& base, const TableMetadata& committed);

// Removes the manifest lists, manifests, data, delete and statistics files that only snapshots
// reach which a commit took out of a table; returns how many. The commit made `committed` of
// `base`; `current` is `committed`, or what later commits made of it. Whatever is committed after
// `current` can only name files that `current` reaches, or new ones. Files outside the table's own
// places (its location, write.data.path, write.metadata.path) are not ours to remove.
//
// Reads the lists of the snapshots that are gone, lists of remaining ones as long as there is a
// manifest that they might name, the manifests that are named no more, and of the remaining
// manifests those that can name a file of these, by partition. Memory is
// bounded by the number of manifests and a fixed number of files at a time. On an error what
// cannot be told to be out of use is left where it is. A later commit that expires snapshots of
// `current` removes what tells which files they share with ours: that is an error too, and the call
// is to be repeated with the table as it is then.
Result<int64_t> RemoveExpiredFiles(io::FileSystem& fs, const TableMetadata& base,
                                   const TableMetadata& committed, const TableMetadata& current);

}  // namespace octolake::iceberg
