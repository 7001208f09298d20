#include "datafile/file_reader.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "datafile/arrow_schema.h"
#include "datafile/arrow_status.h"
#include "datafile/column_cast.h"
#include "datafile/parquet_input.h"
#include "datafile/position_deletes.h"

namespace octolake::datafile {
namespace {

class ParquetBatchReader final : public BatchReader {
 public:
  ParquetBatchReader(std::string location, std::shared_ptr<arrow::Schema> schema)
      : location_(std::move(location)), schema_(std::move(schema)) {}

  // With the file's rows that are deleted, if any.
  Status Open(std::unique_ptr<parquet::arrow::FileReader> file, const iceberg::Schema& projection,
              RowSet deleted);
  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override;

 private:
  Status Project(const parquet::SchemaDescriptor& descriptor, const iceberg::Schema& projection);
  Status NextRowGroup();
  // The next rows of the file, deleted ones too, as they stand in it; null at its end.
  Result<std::shared_ptr<arrow::RecordBatch>> NextOfFile();
  // Of a batch whose first row has this number in the file.
  Result<std::shared_ptr<arrow::RecordBatch>> WithoutDeleted(
      std::shared_ptr<arrow::RecordBatch> batch, int64_t first_row) const;
  Result<std::shared_ptr<arrow::RecordBatch>> ToProjection(const arrow::RecordBatch& batch) const;

  const std::string location_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::unique_ptr<arrow::RecordBatchReader> row_group_;
  int next_row_group_ = 0;
  int64_t batch_rows_ = 0;
  // Without a column to read, rows still have to come out.
  int64_t rows_without_columns_ = 0;
  std::vector<int> leaves_;  // of the file, ascending
  // By column of the projection: its place among the columns read, or -1 if the file lacks it.
  std::vector<int> place_;
  int64_t next_row_ = 0;  // of the file
  RowSet deleted_;
};

Status ParquetBatchReader::Open(std::unique_ptr<parquet::arrow::FileReader> file,
                                const iceberg::Schema& projection, RowSet deleted) {
  file_ = std::move(file);
  batch_rows_ = file_->properties().batch_size();
  deleted_ = std::move(deleted);
  return Project(*file_->parquet_reader()->metadata()->schema(), projection);
}

Status ParquetBatchReader::Project(const parquet::SchemaDescriptor& descriptor,
                                   const iceberg::Schema& projection) {
  const auto& root = *descriptor.group_node();
  std::map<int32_t, const parquet::schema::Node*> by_id;
  for (int index = 0; index < root.field_count(); ++index) {
    const auto& node = *root.field(index);
    if (node.field_id() >= 0) by_id.emplace(node.field_id(), &node);
  }
  if (by_id.empty() && root.field_count() > 0) {
    return MakeError(ErrorKind::kCorruption,
                     location_ + " has no field ids; it was not written for an Iceberg table");
  }
  std::map<int, size_t> column_of_leaf;
  place_.assign(projection.fields.size(), -1);
  for (size_t column = 0; column < projection.fields.size(); ++column) {
    const auto& field = projection.fields[column];
    auto found = by_id.find(field.id);
    if (found == by_id.end()) {
      if (!field.required) continue;
      return MakeError(ErrorKind::kCorruption, location_ + " lacks the required column " +
                                                   field.name + " (field id " +
                                                   std::to_string(field.id) + ")");
    }
    if (!found->second->is_primitive()) {
      return MakeError(ErrorKind::kCorruption, location_ + " has a nested column where column " +
                                                   field.name + " is expected");
    }
    column_of_leaf.emplace(descriptor.ColumnIndex(*found->second), column);
  }
  for (auto [leaf, column] : column_of_leaf) {
    place_[column] = static_cast<int>(leaves_.size());
    leaves_.push_back(leaf);
  }
  return {};
}

Status ParquetBatchReader::NextRowGroup() {
  const auto footer = file_->parquet_reader()->metadata();
  if (leaves_.empty()) {
    rows_without_columns_ = footer->RowGroup(next_row_group_++)->num_rows();
    return {};
  }
  row_group_.reset();
  return Guard(location_, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(row_group_, file_->GetRecordBatchReader({next_row_group_++}, leaves_));
    return arrow::Status::OK();
  });
}

Result<std::shared_ptr<arrow::RecordBatch>> ParquetBatchReader::ToProjection(
    const arrow::RecordBatch& batch) const {
  arrow::ArrayVector columns;
  for (size_t column = 0; column < place_.size(); ++column) {
    const auto& field = schema_->field(static_cast<int>(column));
    if (place_[column] < 0) {
      OCTO_ASSIGN(auto nulls, ToResult(arrow::MakeArrayOfNull(field->type(), batch.num_rows()),
                                       location_ + ": column " + field->name()));
      columns.push_back(std::move(nulls));
      continue;
    }
    auto cast = CastColumn(batch.column(place_[column]), field->type());
    if (!cast) {
      return MakeError(ErrorKind::kCorruption,
                       location_ + ": column " + field->name() + ": " + cast.error().message);
    }
    columns.push_back(std::move(*cast));
  }
  return arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns));
}

Result<std::shared_ptr<arrow::RecordBatch>> ParquetBatchReader::NextOfFile() {
  const int row_groups = file_->parquet_reader()->metadata()->num_row_groups();
  while (true) {
    if (rows_without_columns_ > 0) {
      const int64_t rows = std::min(rows_without_columns_, batch_rows_);
      rows_without_columns_ -= rows;
      return arrow::RecordBatch::Make(arrow::schema({}), rows, arrow::ArrayVector{});
    }
    std::shared_ptr<arrow::RecordBatch> batch;
    if (row_group_ != nullptr) {
      OCTO_TRY(Guard(location_, [&] { return row_group_->ReadNext(&batch); }));
    }
    if (batch != nullptr && batch->num_rows() > 0) return batch;
    if (batch != nullptr) continue;
    row_group_.reset();
    if (next_row_group_ >= row_groups) return nullptr;
    OCTO_TRY(NextRowGroup());
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> ParquetBatchReader::WithoutDeleted(
    std::shared_ptr<arrow::RecordBatch> batch, int64_t first_row) const {
  if (deleted_.empty()) return batch;
  arrow::BooleanBuilder builder;
  OCTO_TRY(ToStatus(builder.Reserve(batch->num_rows()), location_));
  int64_t kept = 0;
  for (int64_t i = 0; i < batch->num_rows(); ++i) {
    const bool keep = !deleted_.Contains(first_row + i);
    builder.UnsafeAppend(keep);
    if (keep) ++kept;
  }
  if (kept == batch->num_rows()) return batch;
  if (batch->num_columns() == 0) {
    return arrow::RecordBatch::Make(batch->schema(), kept, arrow::ArrayVector{});
  }
  OCTO_ASSIGN(const auto keep, ToResult(builder.Finish(), location_));
  OCTO_ASSIGN(const auto rows, ToResult(arrow::compute::Filter(batch, keep), location_));
  return rows.record_batch();
}

Result<std::shared_ptr<arrow::RecordBatch>> ParquetBatchReader::Next() {
  while (true) {
    OCTO_ASSIGN(auto batch, NextOfFile());
    if (batch == nullptr) return batch;
    const int64_t first_row = std::exchange(next_row_, next_row_ + batch->num_rows());
    OCTO_ASSIGN(batch, WithoutDeleted(std::move(batch), first_row));
    if (batch->num_rows() > 0) return ToProjection(*batch);
  }
}

Result<std::unique_ptr<BatchReader>> MakeReader(std::unique_ptr<parquet::arrow::FileReader> opened,
                                                const std::string& location,
                                                const iceberg::Schema& projection, RowSet deleted) {
  OCTO_ASSIGN(auto schema, ToArrowSchema(projection));
  auto reader = std::make_unique<ParquetBatchReader>(location, std::move(schema));
  OCTO_TRY(reader->Open(std::move(opened), projection, std::move(deleted)));
  return reader;
}

}  // namespace

Result<std::unique_ptr<BatchReader>> OpenScanTask(io::FileSystem& fs, const iceberg::ScanTask& task,
                                                  const iceberg::Schema& projection,
                                                  const ReadFileOptions& options) {
  OCTO_ASSIGN(auto input, OpenParquet(fs, task.file, options.batch_rows));
  OCTO_ASSIGN(RowSet deleted, ReadPositionDeletes(fs, task.file, task.deletes));
  return MakeReader(std::move(input.file), task.file.file_path, projection, std::move(deleted));
}

Result<std::unique_ptr<BatchReader>> ReadOpened(std::unique_ptr<parquet::arrow::FileReader> opened,
                                                const std::string& location,
                                                const iceberg::Schema& projection) {
  return MakeReader(std::move(opened), location, projection, {});
}

Result<std::unique_ptr<BatchReader>> OpenDataFile(io::FileSystem& fs, const iceberg::DataFile& file,
                                                  const iceberg::Schema& projection,
                                                  const ReadFileOptions& options) {
  return OpenScanTask(fs, {.file = file}, projection, options);
}

}  // namespace octolake::datafile
