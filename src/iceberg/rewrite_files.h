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
  int64_t start_sequence_number = 0;
  std::vector<ScanTask> replaced;  // as a plan of that snapshot has them
  std::vector<DataFile> added;     // with exactly the rows of these; none if they had no rows left
};

// One replace snapshot, which changes no rows: readers of appended rows pass over it. The new files
// get the greatest data sequence number of the old ones (that of the snapshot that was read, if
// deletes were applied or rows go to another partition or spec), so that deletes committed
// meanwhile by equality still concern them. Position delete files that can concern no other data
// file than those replaced go with them.
//
// kCommitConflict, naming the file, if one of the old files is not in the table any more, if there
// are position deletes that concern one and were not applied, or none any more that were, or
// deletes by equality that would not concern the new files: whatever was committed since the read
// counts, not only what was committed since the last attempt. Appended files and rewrites of other
// files are no conflict.
std::unique_ptr<TableUpdate> RewriteFiles(FileRewrite rewrite, Properties summary);

}  // namespace octolake::iceberg
