// Puts files in the place of others that hold the same rows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "iceberg/scan.h"
#include "iceberg/update.h"

namespace octolake::iceberg {

struct FileRewrite {
  // Sequence number of the snapshot that the rewrite read.
  int64_t started_from = 0;
  std::vector<ScanTask> replaced;  // as a plan of that snapshot has them
  std::vector<DataFile> added;     // with exactly the rows of these; none if they had no rows left
};

// One replace snapshot, which changes no rows: readers of appended rows pass over it. The new files
// get the greatest data sequence number of the old ones (that of the snapshot that was read, if
// deletes were applied), so that deletes committed meanwhile by equality still concern them.
// Position delete files that can concern no other data file than those replaced go with them.
//
// kCommitConflict, naming the file, if one of the old files is not in the table any more, or if a
// position delete was committed after `started_from` that may concern one, or, where deletes were
// applied, if `started_from` is no known ancestor any more: whatever was committed since then
// counts, not only what was committed since the last attempt. Appended files and rewrites of other
// files are no conflict.
std::unique_ptr<TableUpdate> RewriteFiles(FileRewrite rewrite, Properties summary);

}  // namespace octolake::iceberg
