// What is left in quarantine of tables that are gone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/warehouse.h"

namespace octolake::maintain {

struct DroppedQuarantineReport {
  int64_t removals = 0;  // that were removed for good, or would be
  std::vector<std::string> warnings;
};

// A table's own orphan removal empties its quarantine; a dropped table has none. Files that have
// been there for longer than `quarantine_ms`, by the clock of the store, and belong to no table of
// the catalog are removed. Nothing is while a table cannot be read, for its UUID is not known then,
// or another catalog has tables in the same database.
Result<DroppedQuarantineReport> EmptyQuarantineOfDroppedTables(lake::Warehouse& warehouse,
                                                               int64_t quarantine_ms, bool dry_run);

}  // namespace octolake::maintain
