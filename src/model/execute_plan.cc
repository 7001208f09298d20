#include <arrow/record_batch.h>

#include <algorithm>
#include <set>
#include <string>

#include "datafile/table_writer.h"
#include "iceberg/expire_snapshots.h"
#include "iceberg/transaction.h"
#include "iceberg/update.h"
#include "lake/background_writer.h"
#include "model/model_rows.h"
#include "model/model_run.h"
#include "model/page_check.h"

namespace octolake::model {
namespace {

using Action = ModelReport::Action;

// A full disk is no reason to compute with less memory, as the same kind from a query is.
tl::unexpected<Error> OfFiles(Error error) {
  if (error.kind == ErrorKind::kResourceExhausted) error.kind = ErrorKind::kIo;
  return tl::unexpected<Error>(std::move(error));
}

Result<std::vector<iceberg::DataFile>> WriteRows(lake::Warehouse& warehouse, const Model& model,
                                                 const Plan& plan, const RunOptions& options,
                                                 ProgressListener& progress, int64_t& row_count) {
  OCTO_TRY(CheckInputs(warehouse, plan));
  OCTO_ASSIGN(ModelRows rows, ComputeRows(warehouse, model, plan, options));
  OCTO_ASSIGN(auto writer, datafile::MakeTableWriter(warehouse.file_system(), warehouse.random(),
                                                     *plan.target.metadata, options.writer));
  // DuckDB goes on computing while rows are encoded.
  std::vector<std::unique_ptr<datafile::TableWriter>> writers;
  writers.push_back(std::move(writer));
  lake::BackgroundWriter background(warehouse.file_system(), std::move(writers));
  const std::string stage = "run " + plan.target.identifier.ToString();
  row_count = 0;
  while (true) {
    OCTO_ASSIGN(std::shared_ptr<arrow::RecordBatch> batch, rows.stream->Next());
    if (batch == nullptr) break;
    row_count += batch->num_rows();
    Status written = background.Write(0, std::move(batch));
    if (!written) return OfFiles(std::move(written).error());
    progress.OnProgress({stage, "rows", row_count, -1});
  }
  auto files = background.Finish();
  if (!files) return OfFiles(std::move(files).error());
  return std::move(files->front());
}

// The distinct partitions of the files, in their order.
std::vector<iceberg::PartitionValues> PartitionsOf(const std::vector<iceberg::DataFile>& files) {
  std::set<iceberg::PartitionValues> distinct;
  for (const iceberg::DataFile& file : files) distinct.insert(file.partition);
  return {distinct.begin(), distinct.end()};
}

Result<std::vector<std::string>> PartitionNames(
    const iceberg::TableMetadata& metadata,
    const std::vector<iceberg::PartitionValues>& partitions) {
  const iceberg::PartitionSpec& spec = metadata.DefaultSpec();
  OCTO_ASSIGN(iceberg::TypePtr type, iceberg::PartitionType(metadata.CurrentSchema(), spec));
  std::vector<std::string> names;
  for (const iceberg::PartitionValues& values : partitions) {
    names.push_back(iceberg::PartitionPath(spec, *type, values));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::unique_ptr<iceberg::TableUpdate> WriteUpdate(Action action,
                                                  std::vector<iceberg::DataFile> files,
                                                  iceberg::Properties summary) {
  switch (action) {
    case Action::kAppended:
      return iceberg::AppendFiles(std::move(files), std::move(summary));
    case Action::kOverwritten: {
      std::vector<iceberg::PartitionValues> partitions = PartitionsOf(files);
      return iceberg::OverwritePartitions(std::move(partitions), std::move(files),
                                          std::move(summary));
    }
    default:
      return iceberg::OverwriteAll(std::move(files), std::move(summary));
  }
}

Result<iceberg::Table> CommitRows(lake::Warehouse& warehouse, const Model& model, const Plan& plan,
                                  const std::vector<iceberg::DataFile>& files,
                                  const RunOptions& options, ModelReport& report) {
  const iceberg::TableIdentifier& id = plan.target.identifier;
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(id, iceberg::AssertTableUuid(plan.target.metadata->table_uuid));
  iceberg::Properties summary;
  std::vector<std::string> tags;
  for (const Input& input : plan.inputs) {
    if (!input.tracked) continue;
    const std::string tag = lake::PositionTag(input.table.identifier);
    transaction.Add(id, iceberg::AssertTag(tag, input.position.tagged_snapshot));
    // A rollback moves no tag, but takes rows away that an append would not bring back.
    if (plan.action == Action::kAppended && input.position.tagged_snapshot) {
      transaction.Add(id, iceberg::AssertInHistory(*input.position.tagged_snapshot));
    }
    if (!input.table.metadata->current_snapshot_id) continue;
    summary[lake::PositionProperty(input.table.identifier)] =
        std::to_string(*input.table.metadata->current_snapshot_id);
    tags.push_back(tag);
  }
  // What was computed rests on the target's own rows, unless it is only appended to.
  if (plan.action != Action::kAppended) {
    transaction.Add(id, iceberg::AssertCurrentSnapshot(plan.target.metadata->current_snapshot_id));
  }
  if (plan.new_columns) {
    transaction.Add(id, lake::UpgradeTable(id, *plan.new_columns, lake::kRowsAreReplaced));
    // The files have the field ids that were planned.
    transaction.Add(id, iceberg::AssertColumns(plan.target.metadata->CurrentSchema().fields));
  }
  transaction.Add(id, WriteUpdate(plan.action, files, std::move(summary)));
  for (const std::string& tag : tags) transaction.Add(id, iceberg::SetTag(tag, std::nullopt));
  transaction.Add(id, iceberg::ExpireSnapshots(options.retention));
  if (plan.action == Action::kFullRefresh) {
    transaction.Add(id, iceberg::SetProperties({{kDigestProperty, DefinitionDigest(model)}}));
  }
  OCTO_ASSIGN(std::vector<iceberg::Table> committed, transaction.Commit());
  for (const Error& error : transaction.left_behind()) report.warnings.push_back(error.message);
  return committed.front();
}

Status TagInputs(lake::Warehouse& warehouse, const Plan& plan) {
  for (const Input& input : plan.inputs) {
    const auto snapshot = input.table.metadata->current_snapshot_id;
    if (!input.tracked || !snapshot) continue;
    OCTO_TRY(
        lake::TagConsumed(warehouse, input.table.identifier, plan.target.identifier, *snapshot));
  }
  return {};
}

}  // namespace

Result<ModelReport> ExecutePlan(lake::Warehouse& warehouse, const Model& model, const Plan& plan,
                                const RunOptions& options, ProgressListener& progress) {
  ModelReport report;
  report.name = plan.target.identifier.ToString();
  report.action = plan.action;
  report.reason = plan.reason;
  report.snapshot_id = plan.target.metadata->current_snapshot_id;
  if (plan.action == Action::kUpToDate) {
    // A run that died between its commit and its tag is made whole here.
    OCTO_TRY(TagInputs(warehouse, plan));
    return report;
  }
  OCTO_ASSIGN(std::vector<iceberg::DataFile> files,
              WriteRows(warehouse, model, plan, options, progress, report.rows));
  Result<iceberg::Table> committed = CommitRows(warehouse, model, plan, files, options, report);
  if (!committed) {
    if (committed.error().kind != ErrorKind::kCommitStateUnknown) {
      datafile::RemoveFiles(warehouse.file_system(), files);
    }
    return OfFiles(committed.error());
  }
  report.snapshot_id = committed->metadata->current_snapshot_id;
  OCTO_ASSIGN(report.partitions, PartitionNames(*committed->metadata, PartitionsOf(files)));
  OCTO_TRY(TagInputs(warehouse, plan));
  return report;
}

}  // namespace octolake::model
