// Removes what killed processes and other programs left behind in a warehouse.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/warehouse.h"

namespace octolake::lake {

struct LeftoverReport {
  int64_t files = 0;  // removed
  int64_t bytes = 0;  // of them
  // What could not be decided or removed, and why; it is looked at again the next time.
  std::vector<std::string> kept;
};

// Takes over the records of writes (io/write_record.h) whose owners are dead, reads the tables as
// they are then, and removes those of the recorded files that no snapshot names. A dead process
// commits no more, so that what is not named by then never will be; files of processes that live
// are not touched. A file that belongs to no table of the catalog stays, and its record too: the
// table may be created yet, or have been dropped without its files. So does one of a table that a
// newer octolake has written to. Costs the listing of one directory when nothing was left behind.
// An error only if that cannot be listed.
Result<LeftoverReport> RemoveLeftovers(Warehouse& warehouse);

// Removes old metadata files of a namespace's tables that no commit names any more, or ever will
// (iceberg/stray_metadata.h), whoever wrote them, but for tables that a newer octolake has written
// to. Loads the tables, and lists their metadata directories. What cannot be decided or removed is
// in the report; never an error.
LeftoverReport RemoveStrayMetadata(Warehouse& warehouse, const std::string& name_space);

}  // namespace octolake::lake
