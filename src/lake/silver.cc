#include "lake/silver.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "iceberg/assert_no_files_added.h"
#include "iceberg/expire_snapshots.h"
#include "iceberg/transaction.h"
#include "lake/background_writer.h"
#include "lake/definitions.h"
#include "lake/position.h"
#include "lake/read_ahead.h"
#include "lake/silver_parser.h"
#include "lake/silver_plan.h"
#include "lake/silver_rows.h"

namespace octolake::lake {
namespace {

// How often a step tries in vain, because somebody else committed, before it gives up. Each time
// somebody else has got on, so that more is a sign of something else.
constexpr int kMaxLostRaces = 10;

// Payloads are long: more rows would leave the processor's cache between decoding and parsing, and
// take fresh memory from the kernel for every batch.
constexpr int64_t kRowsOfABatch = 1024;
constexpr int64_t kBytesOfABatch = int64_t{4} << 20;

using DataFiles = std::vector<iceberg::DataFile>;
using ScanTasks = std::vector<iceberg::ScanTask>;

class SilverStep {
 public:
  SilverStep(Warehouse& warehouse, const SilverOptions& options, ProgressListener& progress)
      : warehouse_(warehouse),
        options_(options),
        progress_(progress),
        bronze_name_(BronzeEvents(warehouse.namespaces())),
        silver_name_(ParsedEvents(warehouse.namespaces())) {}

  // kCommitConflict: another step moved the position; what was committed before stands.
  Status Run();
  SilverReport& report() { return report_; }
  // Asked after every lost race.
  bool MayStartOver() { return ++lost_races_ < kMaxLostRaces; }

 private:
  Status RunChunk(const SilverChunk& chunk);
  Status TryChunk(const SilverChunk& chunk, const iceberg::Table& silver);
  Result<DataFiles> WriteChunk(const ScanTasks& bronze_files, const RowChoice& choice,
                               const iceberg::Table& silver);
  Status WriteRows(const ScanTasks& bronze_files, const RowChoice& choice,
                   BackgroundWriter* writer);
  Status Commit(const SilverChunk& chunk, const iceberg::Table& silver, const DataFiles& files);
  void OnRows(int64_t rows);

  Warehouse& warehouse_;
  const SilverOptions& options_;
  ProgressListener& progress_;
  const iceberg::TableIdentifier bronze_name_;
  const iceberg::TableIdentifier silver_name_;
  iceberg::Table bronze_;
  iceberg::Schema bronze_columns_;
  SourcePosition position_;  // where the next commit begins
  SilverReport report_;
  int lost_races_ = 0;  // since the last commit
  int64_t rows_total_ = 0;
  int64_t half_rows_ = 0;  // every row is read twice: its key, then what is written
};

// A row number is chosen in [first, first + count).
bool AnyChosen(const RowChoice& choice, int64_t first, int64_t count) {
  for (int64_t row = first; row < first + count; ++row) {
    if (choice.chosen[static_cast<size_t>(row)]) return true;
  }
  return false;
}

std::vector<int64_t> ChosenIn(const RowChoice& choice, int64_t first, int64_t count) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < count; ++i) {
    if (choice.chosen[static_cast<size_t>(first + i)]) rows.push_back(i);
  }
  return rows;
}

std::vector<iceberg::PartitionValues> PartitionsOf(const DataFiles& files) {
  std::vector<iceberg::PartitionValues> partitions;
  for (const iceberg::DataFile& file : files) partitions.push_back(file.partition);
  return partitions;
}

void SilverStep::OnRows(int64_t rows) {
  half_rows_ += rows;
  progress_.OnProgress({"silver", "rows", half_rows_ / 2, rows_total_});
}

Status SilverStep::Run() {
  OCTO_ASSIGN(bronze_, warehouse_.catalog().LoadTable(bronze_name_));
  // A load made it; if it was dropped since, it is made again, and filled from all of Bronze.
  OCTO_ASSIGN(const iceberg::Table silver,
              iceberg::CreateTableIfMissing(warehouse_.catalog(), warehouse_.update_context(),
                                            silver_name_, ParsedEventsDefinition()));
  OCTO_ASSIGN(position_, ReadPosition(silver, bronze_name_));
  report_.consumed_snapshot = position_.consumed_snapshot;
  if (!bronze_.metadata->current_snapshot_id) return {};
  OCTO_ASSIGN(bronze_columns_, SelectColumns(bronze_, BronzeColumnsOfSilver()));

  SilverPlanRequest request;
  request.position = position_;
  request.rescan = options_.rescan;
  request.commit_rows = options_.commit_rows;
  request.sources = options_.sources;
  OCTO_ASSIGN(request.sources_before, ReadSelection(silver, bronze_name_, position_));
  OCTO_ASSIGN(const SilverPlan plan, PlanSilver(warehouse_.file_system(), bronze_, request));
  if (!plan.rescan_reason.empty()) report_.rescan_reason = plan.rescan_reason;
  rows_total_ = plan.rows;
  half_rows_ = 0;
  for (const SilverChunk& chunk : plan.chunks) OCTO_TRY(RunChunk(chunk));
  // Also when there was nothing to do: the step before may have ended between its commit and this.
  if (position_.consumed_snapshot) {
    OCTO_TRY(TagConsumed(warehouse_, bronze_name_, silver_name_, *position_.consumed_snapshot));
  }
  return {};
}

Status SilverStep::RunChunk(const SilverChunk& chunk) {
  const int64_t half_rows_before = half_rows_;
  while (true) {
    OCTO_ASSIGN(const iceberg::Table silver,
                iceberg::LoadTableAgain(warehouse_.catalog(), silver_name_));
    OCTO_ASSIGN(const SourcePosition now, ReadPosition(silver, bronze_name_));
    if (now.tagged_snapshot != position_.tagged_snapshot) {
      return MakeError(ErrorKind::kCommitConflict,
                       silver_name_.ToString() + ": another step moved the position in " +
                           bronze_name_.ToString() + " while this one was at work");
    }
    half_rows_ = half_rows_before;
    Status tried = TryChunk(chunk, silver);
    if (tried || tried.error().kind != ErrorKind::kCommitConflict || !MayStartOver()) return tried;
  }
}

Status SilverStep::TryChunk(const SilverChunk& chunk, const iceberg::Table& silver) {
  OCTO_ASSIGN(const RowChoice choice, ChooseRows(warehouse_.file_system(), bronze_, chunk.files,
                                                 silver, {options_.sources, options_.keys_at_once},
                                                 [this](int64_t rows) { OnRows(rows); }));
  report_.most_keys_at_once = std::max(report_.most_keys_at_once, choice.most_keys_at_once);
  OCTO_ASSIGN(DataFiles files, WriteChunk(chunk.files, choice, silver));
  OCTO_TRY(Commit(chunk, silver, files));
  report_.bronze_rows += choice.candidates;
  report_.added += choice.chosen_count;
  report_.duplicates += choice.candidates - choice.chosen_count;
  return {};
}

Result<DataFiles> SilverStep::WriteChunk(const ScanTasks& bronze_files, const RowChoice& choice,
                                         const iceberg::Table& silver) {
  if (choice.chosen_count == 0) {
    OnRows(static_cast<int64_t>(choice.chosen.size()));
    return DataFiles{};
  }
  OCTO_ASSIGN(auto table_writer,
              datafile::MakeTableWriter(warehouse_.file_system(), warehouse_.random(),
                                        *silver.metadata, options_.writer));
  std::vector<std::unique_ptr<datafile::TableWriter>> writers;
  writers.push_back(std::move(table_writer));
  BackgroundWriter writer(warehouse_.file_system(), std::move(writers));
  OCTO_TRY(WriteRows(bronze_files, choice, &writer));
  OCTO_ASSIGN(auto files, writer.Finish());
  return std::move(files.front());
}

// Decoding, parsing and encoding overlap, each in a thread of its own.
Status SilverStep::WriteRows(const ScanTasks& bronze_files, const RowChoice& choice,
                             BackgroundWriter* writer) {
  ScanTasks with_chosen;
  std::vector<int64_t> first_rows;
  int64_t first_row = 0;
  int64_t rows_to_read = 0;  // deleted ones too
  for (const iceberg::ScanTask& task : bronze_files) {
    if (AnyChosen(choice, first_row, task.file.record_count)) {
      with_chosen.push_back(task);
      first_rows.push_back(first_row);
      rows_to_read += task.file.record_count;
    } else {
      OnRows(task.file.record_count);
    }
    first_row += task.file.record_count;
  }
  ReadAhead reader(warehouse_.file_system(), with_chosen, bronze_columns_,
                   {kRowsOfABatch, kBytesOfABatch});
  SilverParser parser;
  const TimestampMicros processed_at = warehouse_.clock().Now();
  while (true) {
    OCTO_ASSIGN(const auto next, reader.Next());
    if (next.batch == nullptr) break;
    const int64_t count = next.batch->num_rows();
    const auto rows = ChosenIn(choice, first_rows[next.file], count);
    first_rows[next.file] += count;
    if (!rows.empty()) {
      OCTO_ASSIGN(auto parsed, parser.Parse(*next.batch, rows, processed_at));
      OCTO_TRY(writer->Write(0, std::move(parsed)));
    }
    OnRows(count);
    rows_to_read -= count;
  }
  OnRows(rows_to_read);
  return {};
}

// What others added meanwhile hurts only where it may hold the same events: in the days written to.
Status SilverStep::Commit(const SilverChunk& chunk, const iceberg::Table& silver,
                          const DataFiles& files) {
  if (files.empty() && !chunk.position) return {};
  const std::string tag = PositionTag(bronze_name_);
  iceberg::Properties summary;
  if (chunk.position) {
    summary = SelectionSummary(bronze_name_, options_.sources);
    summary[PositionProperty(bronze_name_)] = std::to_string(*chunk.position);
  }
  iceberg::Transaction transaction(warehouse_.catalog(), warehouse_.update_context());
  transaction.Add(silver_name_, iceberg::AssertTableUuid(silver.metadata->table_uuid));
  transaction.Add(silver_name_, iceberg::AssertTag(tag, position_.tagged_snapshot));
  transaction.Add(silver_name_, iceberg::AssertNoFilesAdded(silver.metadata->current_snapshot_id,
                                                            silver.metadata->default_spec_id,
                                                            PartitionsOf(files)));
  transaction.Add(silver_name_, iceberg::AppendFiles(files, std::move(summary)));
  if (chunk.position) transaction.Add(silver_name_, iceberg::SetTag(tag, std::nullopt));
  transaction.Add(silver_name_, iceberg::ExpireSnapshots(options_.retention));
  auto committed = transaction.Commit();
  if (!committed) {
    Error error = std::move(committed).error();
    if (error.kind != ErrorKind::kCommitStateUnknown) {
      datafile::RemoveFiles(warehouse_.file_system(), files);
    }
    return WithContext(std::move(error), "commit to " + silver_name_.ToString());
  }
  for (const Error& error : transaction.left_behind()) report_.warnings.push_back(error.message);
  ++report_.commits;
  lost_races_ = 0;
  if (chunk.position) {
    // This step's own: others may have moved on before a lost reply was looked up.
    position_ = {transaction.NewSnapshotId(silver_name_), chunk.position};
    report_.consumed_snapshot = position_.consumed_snapshot;
  }
  return {};
}

}  // namespace

Result<SilverReport> RunSilver(Warehouse& warehouse, const SilverOptions& options,
                               ProgressListener& progress) {
  const Namespaces& namespaces = warehouse.namespaces();
  OCTO_TRY(UpgradeTables(warehouse, {BronzeEvents(namespaces), ParsedEvents(namespaces)}));
  // Parsed Silver may have been dropped to be computed anew; without Bronze there is nothing to do.
  if (warehouse.catalog().LoadTable(BronzeEvents(namespaces))) {
    OCTO_TRY(iceberg::CreateTableIfMissing(warehouse.catalog(), warehouse.update_context(),
                                           ParsedEvents(namespaces), ParsedEventsDefinition()));
  }
  SilverStep step(warehouse, options, progress);
  while (true) {
    Status done = step.Run();
    if (done) return std::move(step.report());
    if (done.error().kind == ErrorKind::kCommitConflict && step.MayStartOver()) continue;
    if (done.error().kind == ErrorKind::kCommitConflict) {
      done = WithContext(std::move(done).error(),
                         "gave up after " + std::to_string(kMaxLostRaces) +
                             " races lost in a row to other commands; run again when they have "
                             "ended");
    }
    const SilverReport& report = step.report();
    if (report.commits == 0) return tl::unexpected(std::move(done).error());
    return WithContext(std::move(done).error(), std::to_string(report.added) + " events in " +
                                                    std::to_string(report.commits) +
                                                    " commits are in silver; the rest is not");
  }
}

}  // namespace octolake::lake
