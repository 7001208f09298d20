#include "lake/silver.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <memory>
#include <utility>

#include "datafile/file_reader.h"
#include "iceberg/transaction.h"
#include "lake/background_writer.h"
#include "lake/definitions.h"
#include "lake/position.h"
#include "lake/silver_parser.h"
#include "lake/silver_plan.h"
#include "lake/silver_rows.h"

namespace octolake::lake {
namespace {

// How often a chunk, and the whole step, are begun again because somebody else committed. Each time
// somebody else has got on, so that more is a sign of something else.
constexpr int kMaxAttempts = 10;

using DataFiles = std::vector<iceberg::DataFile>;

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

 private:
  Status RunChunk(const SilverChunk& chunk);
  Status TryChunk(const SilverChunk& chunk, const iceberg::Table& silver);
  Result<DataFiles> WriteChunk(const SilverChunk& chunk, const RowChoice& choice,
                               const iceberg::Table& silver);
  Status WriteFile(const iceberg::DataFile& file, int64_t first_row, const RowChoice& choice,
                   TimestampMicros processed_at, SilverParser* parser, BackgroundWriter* writer);
  Status Commit(const SilverChunk& chunk, const iceberg::Table& silver, DataFiles files);
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
  for (int attempt = 1;; ++attempt) {
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
    if (tried || tried.error().kind != ErrorKind::kCommitConflict || attempt == kMaxAttempts) {
      return tried;
    }
  }
}

Status SilverStep::TryChunk(const SilverChunk& chunk, const iceberg::Table& silver) {
  OCTO_ASSIGN(const RowChoice choice,
              ChooseRows(warehouse_.file_system(), bronze_, chunk.files, silver, options_.sources,
                         [this](int64_t rows) { OnRows(rows); }));
  OCTO_ASSIGN(DataFiles files, WriteChunk(chunk, choice, silver));
  OCTO_TRY(Commit(chunk, silver, std::move(files)));
  report_.bronze_rows += choice.candidates;
  report_.added += choice.chosen_count;
  report_.duplicates += choice.candidates - choice.chosen_count;
  return {};
}

Result<DataFiles> SilverStep::WriteChunk(const SilverChunk& chunk, const RowChoice& choice,
                                         const iceberg::Table& silver) {
  if (choice.chosen_count == 0) return DataFiles{};
  OCTO_ASSIGN(auto table_writer,
              datafile::MakeTableWriter(warehouse_.file_system(), warehouse_.random(),
                                        *silver.metadata, options_.writer));
  std::vector<std::unique_ptr<datafile::TableWriter>> writers;
  writers.push_back(std::move(table_writer));
  BackgroundWriter writer(warehouse_.file_system(), std::move(writers));
  SilverParser parser;
  const TimestampMicros processed_at = warehouse_.clock().Now();
  int64_t first_row = 0;
  for (const iceberg::ScanTask& task : chunk.files) {
    const int64_t count = task.file.record_count;
    if (AnyChosen(choice, first_row, count)) {
      OCTO_TRY(WriteFile(task.file, first_row, choice, processed_at, &parser, &writer));
    } else {
      OnRows(count);
    }
    first_row += count;
  }
  OCTO_ASSIGN(auto files, writer.Finish());
  return std::move(files.front());
}

Status SilverStep::WriteFile(const iceberg::DataFile& file, int64_t first_row,
                             const RowChoice& choice, TimestampMicros processed_at,
                             SilverParser* parser, BackgroundWriter* writer) {
  OCTO_ASSIGN(auto reader, datafile::OpenDataFile(warehouse_.file_system(), file, bronze_columns_));
  while (true) {
    OCTO_ASSIGN(const auto batch, reader->Next());
    if (batch == nullptr) return {};
    const auto rows = ChosenIn(choice, first_row, batch->num_rows());
    first_row += batch->num_rows();
    if (!rows.empty()) {
      OCTO_ASSIGN(auto parsed, parser->Parse(*batch, rows, processed_at));
      OCTO_TRY(writer->Write(0, std::move(parsed)));
    }
    OnRows(batch->num_rows());
  }
}

// Asserting the snapshot that was deduplicated against is stricter than it must be (new files in
// other partitions could not hurt), but always right, and only foreign writers ever lose by it.
Status SilverStep::Commit(const SilverChunk& chunk, const iceberg::Table& silver, DataFiles files) {
  if (files.empty() && !chunk.position) return {};
  const std::string tag = PositionTag(bronze_name_);
  iceberg::Properties summary;
  if (chunk.position) {
    summary[PositionProperty(bronze_name_)] = std::to_string(*chunk.position);
  }
  iceberg::Transaction transaction(warehouse_.catalog(), warehouse_.update_context());
  transaction.Add(silver_name_, iceberg::AssertTableUuid(silver.metadata->table_uuid));
  transaction.Add(silver_name_,
                  iceberg::AssertCurrentSnapshot(silver.metadata->current_snapshot_id));
  transaction.Add(silver_name_, iceberg::AssertTag(tag, position_.tagged_snapshot));
  transaction.Add(silver_name_, iceberg::AppendFiles(files, std::move(summary)));
  if (chunk.position) transaction.Add(silver_name_, iceberg::SetTag(tag, std::nullopt));
  auto committed = transaction.Commit();
  if (!committed) {
    Error error = std::move(committed).error();
    if (error.kind != ErrorKind::kCommitStateUnknown) {
      datafile::RemoveFiles(warehouse_.file_system(), files);
    }
    return WithContext(std::move(error), "commit to " + silver_name_.ToString());
  }
  ++report_.commits;
  if (chunk.position) {
    OCTO_ASSIGN(position_, ReadPosition(committed->front(), bronze_name_));
    report_.consumed_snapshot = position_.consumed_snapshot;
  }
  return {};
}

}  // namespace

Result<SilverReport> RunSilver(Warehouse& warehouse, const SilverOptions& options,
                               ProgressListener& progress) {
  SilverStep step(warehouse, options, progress);
  for (int attempt = 1;; ++attempt) {
    Status done = step.Run();
    if (done) return std::move(step.report());
    if (done.error().kind == ErrorKind::kCommitConflict && attempt < kMaxAttempts) continue;
    const SilverReport& report = step.report();
    if (report.commits == 0) return tl::unexpected(std::move(done).error());
    return WithContext(std::move(done).error(), std::to_string(report.added) + " events in " +
                                                    std::to_string(report.commits) +
                                                    " commits are in silver; the rest is not");
  }
}

}  // namespace octolake::lake
