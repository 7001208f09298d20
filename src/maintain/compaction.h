// Rewrites the small files of a table into larger ones, in the order they came or in a better one.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "datafile/table_writer.h"
#include "iceberg/retention_policy.h"
#include "iceberg/scan.h"
#include "lake/retention.h"
#include "lake/warehouse.h"
#include "maintain/compaction_plan.h"
#include "maintain/rewrite_group.h"

namespace octolake::maintain {

struct CompactionOptions {
  CompactionStrategy strategy = CompactionStrategy::kBinPack;
  std::vector<std::string> columns;  // of kSort and kZOrder, at least one
  CompactionScope scope;
  iceberg::Filter where;  // only files that can hold such rows
  // Rewritten files are committed when so many bytes have been read, so that an end in between
  // loses no more.
  int64_t commit_bytes = int64_t{512} << 20;
  // Groups worked on at once; 0: one after the other, and everything in the calling thread. Memory,
  // for rows and writers, is for all of them together.
  int concurrency = 2;
  int64_t memory_bytes = int64_t{256} << 20;
  bool dry_run = false;  // plan only
  iceberg::RetentionPolicy retention = lake::DefaultRetention();
  datafile::WriterOptions writer;  // its target size is that of the scope
};

struct CompactionReport {
  int64_t files_before = 0;  // that were rewritten, or would be
  int64_t files_after = 0;
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;
  int64_t rows = 0;
  int64_t groups = 0;
  int64_t commits = 0;
  // Groups given up because somebody else replaced their files or deleted rows in them, or because
  // the snapshot they were read of has expired.
  int64_t conflicts = 0;
  bool stopped = false;
  // Groups that could not be rewritten, and why; the others are.
  std::vector<Error> failures;
  std::vector<std::string> warnings;
};

// Commits beside other writers; every commit is a replace snapshot that changes no rows, and what
// was committed before an error or a stop stays. kUnsupported for a table that a newer octolake has
// written to, and while it has deletes that cannot be applied (by equality), kInvalidArgument for
// columns that it lacks, kNotFound if there is no such table, kCommitStateUnknown if it is not
// known whether a commit took effect: then nothing is removed.
Result<CompactionReport> Compact(lake::Warehouse& warehouse, const iceberg::TableIdentifier& table,
                                 const CompactionOptions& options, std::stop_token stop,
                                 ProgressListener& progress);

}  // namespace octolake::maintain
