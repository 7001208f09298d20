// Removes old snapshots of a table, and the files that only they reached.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/warehouse.h"

namespace octolake::maintain {

struct ExpiryOptions {
  int64_t older_than_ms = int64_t{7} * 24 * 3'600'000;
  int64_t keep = 5;  // of the newest ancestors of the current snapshot, at any age
  bool dry_run = false;
};

struct ExpiryReport {
  int64_t snapshots = 0;  // removed, or would be
  int64_t refs = 0;       // older than their max-ref-age-ms
  int64_t commits = 0;
  std::vector<std::string> warnings;
};

// What retention_policy.h keeps stays: snapshots of branches and tags, what their own retention
// asks for, what a reader has not consumed yet. Many are removed in several commits. kUnsupported
// for a table that a newer octolake has written to.
Result<ExpiryReport> ExpireTable(lake::Warehouse& warehouse, const iceberg::TableIdentifier& table,
                                 const ExpiryOptions& options, std::stop_token stop);

}  // namespace octolake::maintain
