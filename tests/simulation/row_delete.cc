#include <arrow/builder.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "datafile/file_reader.h"
#include "datafile/table_writer.h"
#include "iceberg/delete_files.h"
#include "iceberg/row_delta_for_test.h"
#include "iceberg/scan.h"
#include "iceberg/transaction.h"
#include "write.h"
#include "writers.h"

namespace octolake::simulation {
namespace {

// A delete by position, as long as the data file is in the table.
class DeleteOfRow final : public iceberg::TableUpdate {
 public:
  DeleteOfRow(std::string data_file, iceberg::RowDelta delta)
      : data_file_(std::move(data_file)), inner_(iceberg::CommitRowDelta(std::move(delta))) {}

  Status Apply(const iceberg::UpdateContext& context, iceberg::TableMetadata& metadata) override {
    OCTO_ASSIGN(const auto tasks,
                iceberg::PlanScan(context.file_system, metadata, std::nullopt, {}));
    const bool there = std::any_of(tasks.begin(), tasks.end(), [&](const auto& task) {
      return task.file.file_path == data_file_;
    });
    if (there) return inner_->Apply(context, metadata);
    return MakeError(ErrorKind::kCommitConflict, data_file_ + " is not in the table any more");
  }
  std::vector<std::string> Unused(const iceberg::TableMetadata* committed) const override {
    return inner_->Unused(committed);
  }
  std::optional<int64_t> NewSnapshotId() const override { return inner_->NewSnapshotId(); }

 private:
  const std::string data_file_;
  const std::unique_ptr<iceberg::TableUpdate> inner_;
};

Result<std::vector<int64_t>> ReadIds(io::FileSystem& fs, const iceberg::Table& table,
                                     const iceberg::DataFile& file) {
  iceberg::Schema columns;
  columns.fields.push_back(*table.metadata->CurrentSchema().FindByName("id"));
  OCTO_ASSIGN(auto reader, datafile::OpenDataFile(fs, file, columns));
  std::vector<int64_t> ids;
  while (true) {
    OCTO_ASSIGN(const auto batch, reader->Next());
    if (batch == nullptr) return ids;
    const auto more = IdsOfColumn(*batch->column(0));
    ids.insert(ids.end(), more.begin(), more.end());
  }
}

// A file of one position delete, beside the table's data.
Result<iceberg::DataFile> WriteDelete(Process& process, const iceberg::Table& table,
                                      const iceberg::DataFile& of, int64_t position) {
  arrow::StringBuilder paths;
  arrow::Int64Builder positions;
  static_cast<void>(paths.Append(of.file_path));
  static_cast<void>(positions.Append(position));
  const auto batch =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("file_path", arrow::utf8()),
                                              arrow::field("pos", arrow::int64())}),
                               1, {paths.Finish().ValueOrDie(), positions.Finish().ValueOrDie()});
  iceberg::TableMetadata layout;
  layout.location = table.metadata->location;
  layout.schemas.push_back({});
  layout.schemas.back().fields = {
      {iceberg::kDeleteFilePathId, "file_path", iceberg::StringType(), true, ""},
      {iceberg::kDeletePosId, "pos", iceberg::LongType(), true, ""}};
  layout.partition_specs.push_back({});
  OCTO_ASSIGN(const auto writer,
              datafile::MakeTableWriter(process.warehouse().file_system(),
                                        process.warehouse().random(), layout, {}));
  OCTO_TRY(writer->Write(*batch));
  OCTO_ASSIGN(const auto files, writer->Finish());
  iceberg::DataFile file = files.front();
  file.content = iceberg::FileContent::kPositionDeletes;
  file.partition = of.partition;
  file.spec_id = of.spec_id;
  return file;
}

}  // namespace

Status DeleteRow(Lab& lab, Process& process) {
  lake::Warehouse& warehouse = process.warehouse();
  io::FileSystem& fs = warehouse.file_system();
  Write write(lab, process);
  OCTO_ASSIGN(const iceberg::Table table, warehouse.catalog().LoadTable(Facts()));
  OCTO_ASSIGN(const auto tasks, iceberg::PlanScan(fs, *table.metadata, std::nullopt, {}));
  if (tasks.empty()) return {};
  const iceberg::DataFile& of = lab.world.choices.OneOf(tasks).file;
  OCTO_ASSIGN(const std::vector<int64_t> ids, ReadIds(fs, table, of));
  const int64_t position = lab.world.choices.Below(std::ssize(ids));
  Intent intent;
  intent.table = Facts();
  intent.deleted = {ids[static_cast<size_t>(position)]};
  intent.what = process.name() + ": row " + std::to_string(*intent.deleted.begin()) + " deleted";
  iceberg::RowDelta delta;
  OCTO_ASSIGN(const iceberg::DataFile file, WriteDelete(process, table, of, position));
  delta.deletes = {file};
  const iceberg::Properties mark = lab.ledger.Begin(std::move(intent));
  delta.summary = mark;
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(Facts(), iceberg::AssertTableUuid(table.metadata->table_uuid));
  transaction.Add(Facts(), std::make_unique<DeleteOfRow>(of.file_path, std::move(delta)));
  return write.Commit(transaction, mark, {file});
}

}  // namespace octolake::simulation
