// Table metadata files that no commit names any more, or ever will.
#pragma once

#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// The metadata files in a table's metadata directory that nobody needs:
// - what fell off the log and was not removed, because its committer was killed, never knew that it
//   had committed, or removes nothing: the oldest file of the log still names it;
// - what lost a race: it was made from a file of the log, which by now has another successor. A
//   commit puts a file only in the place of the one it was made from, so it never takes effect,
//   even if its writer has not noticed yet. Other engines leave such files where they are.
// In doubt a file is left out: one made from the current metadata, of another table, from long
// before or after the one that won (somebody may have put an older file back by hand), one that
// cannot be read, one older than the log reaches. None of a table that keeps old metadata
// (write.metadata.delete-after-commit.enabled is not true) or is not to be cleaned (gc.enabled).
//
// Costs the listing of the directory, and a file to read for each one that may be such.
Result<std::vector<io::FileInfo>> FindStrayMetadata(io::FileSystem& fs, const Table& table);

}  // namespace octolake::iceberg
