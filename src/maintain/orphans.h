// Finds files below a table that nothing names, takes them out of the way, and removes them later.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/warehouse.h"
#include "maintain/canonical_location.h"

namespace octolake::maintain {

struct OrphanOptions {
  // Younger files may be of a commit that is still under way: no write may take half as long.
  int64_t older_than_ms = int64_t{3} * 24 * 3'600'000;
  // How long files stay in quarantine before they are removed for good.
  int64_t quarantine_ms = int64_t{7} * 24 * 3'600'000;
  EqualPrefixes equal_prefixes;
  bool dry_run = false;
};

// Less is refused: a write may take that long.
inline constexpr int64_t kLeastOrphanAgeMs = int64_t{24} * 3'600'000;

struct OrphanReport {
  int64_t files = 0;  // moved to quarantine, or would be
  int64_t bytes = 0;
  std::vector<std::string> locations;  // of the first hundred of them
  int64_t brought_back = 0;            // somebody came to name them meanwhile
  int64_t removed = 0;                 // had been in quarantine long enough
  std::vector<std::string> warnings;
};

// A file of the table's places (its location, write.data.path, write.metadata.path) is an orphan if
// it is old by the clock of its store, no snapshot of any branch or tag names it, nor the log of
// metadata, nor a statistics file's entry, nor metadata that is newer than the catalog's, and no
// process that lives has written down that it made it. Orphans move to
// <warehouse>/.quarantine/<table uuid>/. After that the metadata is read anew, and what it names by
// then comes back; what is in quarantine is looked at likewise at the start of each run, and before
// it is removed.
//
// kUnsupported, and nothing is touched, if a newer octolake has written to the table (it may know
// of more that names files), the table forbids it (gc.enabled), another table, also one of another
// catalog in the same database, lives at, below or above its location, its metadata names a file in
// a way that cannot be compared, or its metadata directory has metadata two versions newer than the
// catalog's: the catalog is behind. kInvalidArgument if the warehouse is a copy beside its
// original.
Result<OrphanReport> RemoveOrphans(lake::Warehouse& warehouse,
                                   const iceberg::TableIdentifier& table,
                                   const OrphanOptions& options, std::stop_token stop);

struct RestoreReport {
  int64_t files = 0;
  std::vector<std::string> warnings;  // files whose name is taken by now, and stay
};

// Brings back all files of the table that are in quarantine. kUnsupported as above.
Result<RestoreReport> RestoreOrphans(lake::Warehouse& warehouse,
                                     const iceberg::TableIdentifier& table);

}  // namespace octolake::maintain
