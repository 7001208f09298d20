// Bronze to parsed Silver: reads what was appended to Bronze since the last time, parses payloads
// and appends the events not yet in Silver, by (id, instant of created_at).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "datafile/table_writer.h"
#include "lake/retention.h"
#include "lake/source_selection.h"
#include "lake/warehouse.h"

namespace octolake::lake {

struct SilverOptions {
  bool rescan = false;  // read all of Bronze, whatever the position (harmless: deduplicated)
  // Bronze rows of one commit, at least one snapshot (a rescan of a compacted Bronze is one).
  int64_t commit_rows = 4'000'000;
  // Keys of events held in memory at once, whatever the rows of a commit (about 110 bytes a key).
  int64_t keys_at_once = 1'000'000;
  // The position passes over rows of other sources. It says so, and a step that takes one which was
  // passed over reads all of Bronze again. Rows of a source that is not taken any more stay.
  SourceSelection sources;
  iceberg::RetentionPolicy retention = DefaultRetention();
  datafile::WriterOptions writer;
};

struct SilverReport {
  int64_t bronze_rows = 0;  // read
  int64_t added = 0;
  int64_t duplicates = 0;
  int64_t commits = 0;
  int64_t most_keys_at_once = 0;  // held by deduplication
  // Set when Bronze had to be read as a whole, and why (first run excepted).
  std::string rescan_reason;
  std::optional<int64_t> consumed_snapshot;
  std::vector<std::string> warnings;  // of what did not stop the step
};

// Starts over when another step came first (a bounded number of times).
Result<SilverReport> RunSilver(Warehouse& warehouse, const SilverOptions& options,
                               ProgressListener& progress);

}  // namespace octolake::lake
