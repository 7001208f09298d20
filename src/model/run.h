// Executes the compiled models over Iceberg tables with DuckDB, and their data tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "datafile/table_writer.h"
#include "lake/retention.h"
#include "lake/warehouse.h"
#include "model/bundle.h"
#include "sql/session.h"

namespace octolake::model {

struct RunOptions {
  bool full_refresh = false;
  std::vector<std::string> select;  // model names; empty: all
  sql::SessionOptions session;
  datafile::WriterOptions writer;
  // Rows of its source that a pass of a model reads (a model that can be split is computed in
  // passes, see model_rows.h); 0: by the session's memory.
  int64_t rows_per_pass = 0;
  int64_t pass_factor = 1;  // this many times as many passes; grows when memory runs out
  iceberg::RetentionPolicy retention = lake::DefaultRetention();
};

struct ModelReport {
  std::string name;  // "gold.gold_user_activity", with the configured namespace
  enum class Action { kFullRefresh, kAppended, kOverwritten, kUpToDate, kView } action;
  std::string reason;                   // of a full refresh that was not asked for, else empty
  int64_t rows = 0;                     // written
  std::vector<std::string> partitions;  // rewritten, as partition paths, sorted
  std::optional<int64_t> snapshot_id;
  double seconds = 0;
  std::vector<std::string> warnings;  // of what did not stop the run
};

// kInvalidArgument, saying what there is, for a name that no model has (or, for tests, no source).
Status CheckModelNames(const Bundle& bundle, const std::vector<std::string>& names);
Status CheckTestNames(const Bundle& bundle, const std::vector<std::string>& names);

// Before a run begins: kUnsupported if a newer octolake has written to a table that these models
// (names; empty: all) write to or read, where they leave a tag. What cannot be read is passed over,
// since it keeps back only the models that need it.
Status CheckVersions(lake::Warehouse& warehouse, const Bundle& bundle,
                     const std::vector<std::string>& select);

// Runs each model in turn, and stops at the first that fails. An incremental model reads what its
// source appended since the snapshot it last consumed, at pinned snapshots, and keeps its position
// as lake/position.h says; when that is not possible (first run, changed definition, snapshot
// gone, source rewritten) it is refreshed in full, and says so. A lost race starts the model over,
// at once, since the winner got on; after ten in a row it is kCommitConflict, and the model's table
// is as the winners left it. So does a query that runs out of memory, with smaller passes or, if
// the model cannot be split, spilling from the start.
Result<std::vector<ModelReport>> RunModels(lake::Warehouse& warehouse, const Bundle& bundle,
                                           const RunOptions& options, ProgressListener& progress);

struct TestOptions {
  std::vector<std::string> select;  // models whose tests run; empty: all
  bool store_failures = false;      // failing rows into <test_failures>.<test>, replaced each time
  sql::SessionOptions session;
};

struct TestReport {
  std::string name;
  std::string description;
  enum class Outcome { kPassed, kWarned, kFailed, kErrored } outcome;
  int64_t failures = 0;
  std::string error;      // of kErrored: the test could not be run
  std::string stored_in;  // table of the failing rows, if stored
};

// All tests read the same snapshots. A test that cannot run is kErrored, the others go on.
Result<std::vector<TestReport>> RunDataTests(lake::Warehouse& warehouse, const Bundle& bundle,
                                             const TestOptions& options,
                                             ProgressListener& progress);

struct FreshnessReport {
  std::string source;  // "bronze.github_events"
  enum class Outcome { kFresh, kWarned, kStale, kEmpty } outcome;
  std::optional<int64_t> age_seconds;  // of the newest row; unset if there is none
};

Result<std::vector<FreshnessReport>> CheckFreshness(lake::Warehouse& warehouse,
                                                    const Bundle& bundle,
                                                    const sql::SessionOptions& session);

// A session with every table of the warehouse as <catalog>.<namespace>.<table> at its current
// snapshot, or the one that was current at a time (tables younger than it are left out), or with
// one snapshot by id (the table that has it; the others at their current one). A table that cannot
// be read spoils only the queries that use it; `unreadable`, if given, gets a line about each.
struct AsOf {
  std::optional<int64_t> snapshot_id;
  std::optional<int64_t> timestamp_ms;
};
Result<std::unique_ptr<sql::Session>> OpenWarehouseSession(
    lake::Warehouse& warehouse, const Bundle& bundle, const AsOf& as_of,
    sql::SessionOptions options, std::vector<std::string>* unreadable = nullptr);

}  // namespace octolake::model
