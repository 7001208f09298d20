// Keeps the manifests of a table few and ordered by partition.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "lake/warehouse.h"

namespace octolake::maintain {

struct ManifestReport {
  int64_t before = 0;  // data manifests of the current snapshot
  int64_t after = 0;   // the same if nothing was to be gained, or on a dry run
  bool needed = false;
};

// Rewrites them (iceberg/rewrite_manifests.h) where that pays. kUnsupported for a table that a
// newer octolake has written to.
Result<ManifestReport> RewriteTableManifests(lake::Warehouse& warehouse,
                                             const iceberg::TableIdentifier& table, bool dry_run);

}  // namespace octolake::maintain
