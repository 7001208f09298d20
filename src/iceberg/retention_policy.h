// Which snapshots of a table that is committed to often are of no more use. Pure: reads metadata,
// changes nothing.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/table_metadata.h"

namespace octolake::iceberg {

struct RetentionPolicy {
  // A table never has more snapshots than this after a commit, but for those that must stay.
  int64_t max_snapshots = 500;
  // All younger ones are kept; of the older ones the last of each interval.
  int64_t keep_all_ms = int64_t{3'600'000};
  int64_t interval_ms = int64_t{3'600'000};
  // What is older goes.
  int64_t max_age_ms = int64_t{7} * 24 * 3'600'000;
  // So many of the newest ancestors of the current snapshot stay at any age.
  int64_t min_snapshots = 5;
  // Tags that begin with this mark what a reader has consumed: as long as there is room, what is
  // newer than the oldest of them is not thinned, so that engines which read from snapshot to
  // snapshot find all of them.
  std::string reader_tags;
  // The same holds from the last snapshot of a stream of Spark's on, until that is max_age_ms old.
  // Tags that begin with this never grow too old, whatever the table's properties say.
  std::string lasting_tags;
};

struct Expiry {
  std::set<int64_t> snapshots;
  std::vector<std::string> refs;  // older than their max-ref-age-ms
  bool empty() const { return snapshots.empty() && refs.empty(); }
};

// What a commit at `now_ms` should remove. Nothing while there is little to gain, so that most
// commits need not: it takes a snapshot beyond its age, or a tenth of max_snapshots that thinning
// removes, or more than max_snapshots; then a fifth of them goes at once.
//
// Beyond max_snapshots what is newer than reader_tags is thinned too, then what is in keep_all_ms
// (sixty times as finely), then the oldest ones go.
//
// Always kept: the snapshot of every branch and tag; min_snapshots; what a branch other than "main"
// reaches within its retention (min-snapshots-to-keep, max-snapshot-age-ms, or the table properties
// history.expire.*, or their defaults, 1 and 5 days); what "main" reaches within a retention that
// is set on it or on the table. Nothing is removed where gc.enabled is false. kInvalidArgument
// names a property that is no number.
Result<Expiry> PlanExpiry(const TableMetadata& metadata, const RetentionPolicy& policy,
                          int64_t now_ms);

// Takes snapshots out of the metadata, with their statistics, and the part of the snapshot log that
// they leave with gaps ("Snapshot log" in the specification: all entries before an expired one).
void RemoveSnapshots(TableMetadata& metadata, const std::set<int64_t>& snapshots);

}  // namespace octolake::iceberg
