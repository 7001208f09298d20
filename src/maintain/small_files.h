// What the small files of a table cost, and whether it pays to bring them together.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "lake/warehouse.h"
#include "maintain/compaction_plan.h"

namespace octolake::maintain {

// Costs are counted in bytes that could be read in the same time. docs/scheduling.md explains the
// formula to users.
struct SmallFilePolicy {
  FileSizes sizes;
  int64_t min_files = 50;                  // fewer of a partition are not worth a commit
  int64_t open_cost = int64_t{256} << 10;  // of opening one more file
  int64_t reads = 16;                      // of a partition that a rewrite is to pay off in
};

struct SmallFileCost {
  int64_t files = 0;       // that are small
  int64_t bytes = 0;       // of them
  int64_t partitions = 0;  // that have some
  // What a scan of the whole table would save: for each partition, the files that would be gone
  // times open_cost.
  int64_t scan_cost = 0;
  bool pays = false;  // for one partition at least
};

// Small files of one partition, n of them with b bytes, that would become m = max(1, b / target):
// it pays if n >= min_files and (n - m) * open_cost * reads >= 2 * b, for what is rewritten is read
// and written. Files from which rows are deleted are worth it at once: every read applies the
// deletes anew.
bool Pays(const CompactionGroup& group, const SmallFilePolicy& policy);

// The scope of a compaction of what pays, in tiers.
CompactionScope ScopeOf(const SmallFilePolicy& policy);

// `files` of one snapshot.
Result<SmallFileCost> CostOfSmallFiles(const iceberg::TableMetadata& metadata,
                                       std::vector<iceberg::ScanTask> files,
                                       const SmallFilePolicy& policy);

// Keeps the costs of all tables. Thread-safe.
class SmallFileWatch {
 public:
  // Of the table as it is now; its manifests are read only if it was changed since the last look.
  Result<SmallFileCost> Look(lake::Warehouse& warehouse, const iceberg::TableIdentifier& table,
                             const SmallFilePolicy& policy);
  // By table, as of the last look.
  std::map<iceberg::TableIdentifier, SmallFileCost> Last() const;
  // Leaves out tables that are not among these any more.
  void Keep(const std::vector<iceberg::TableIdentifier>& tables);
  int64_t manifests_read() const;  // how often

 private:
  struct Seen {
    std::string table_uuid;
    std::optional<int64_t> snapshot_id;
    SmallFileCost cost;
  };
  mutable std::mutex mutex_;
  std::map<iceberg::TableIdentifier, Seen> seen_;
  int64_t manifests_read_ = 0;
};

}  // namespace octolake::maintain
