#include "datafile/file_reader.h"

#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include <map>
#include <utility>

#include "datafile/arrow_files.h"
#include "datafile/arrow_schema.h"
#include "datafile/arrow_status.h"
#include "datafile/column_cast.h"
#include "datafile/file_check.h"

namespace octolake::datafile {
namespace {

// What is wrong with a file's bytes is an IOError to Parquet; errors of the file system carry ours.
Status AboutFile(const arrow::Status& status, const std::string& location) {
  if (status.IsIOError() && CarriedError(status) == nullptr) {
    return MakeError(ErrorKind::kCorruption,
                     "data file " + location + " is damaged: " + status.message());
  }
  return ToStatus(status, location);
}

// Parquet throws where Arrow returns a Status. What it throws is about the file's bytes.
template <typename Function>
Status Guard(const std::string& location, Function function) {
  try {
    return AboutFile(function(), location);
  } catch (const parquet::ParquetStatusException& error) {
    return AboutFile(error.status(), location);
  } catch (const std::exception& error) {
    return MakeError(ErrorKind::kCorruption,
                     location + " is no readable Parquet file: " + error.what());
  }
}

class ParquetBatchReader final : public BatchReader {
 public:
  ParquetBatchReader(std::string location, std::shared_ptr<arrow::Schema> schema)
      : location_(std::move(location)), schema_(std::move(schema)) {}

  Status Open(std::unique_ptr<io::InputFile> file, int64_t batch_rows,
              const iceberg::DataFile& data_file, const iceberg::Schema& projection);
  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override;

 private:
  Status Project(const parquet::SchemaDescriptor& descriptor, const iceberg::Schema& projection);
  Status NextRowGroup();
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
};

Status ParquetBatchReader::Open(std::unique_ptr<io::InputFile> file, int64_t batch_rows,
                                const iceberg::DataFile& data_file,
                                const iceberg::Schema& projection) {
  batch_rows_ = batch_rows;
  OCTO_TRY(Guard(location_, [&]() -> arrow::Status {
    parquet::ArrowReaderProperties properties;
    properties.set_batch_size(batch_rows);
    properties.set_pre_buffer(false);
    parquet::ReaderProperties checked;
    checked.set_page_checksum_verification(true);
    parquet::arrow::FileReaderBuilder builder;
    ARROW_RETURN_NOT_OK(builder.Open(MakeRandomAccessFile(std::move(file)), checked));
    ARROW_ASSIGN_OR_RAISE(file_, builder.properties(properties)->Build());
    return arrow::Status::OK();
  }));
  const auto footer = file_->parquet_reader()->metadata();
  OCTO_TRY(CheckFooter(*footer, data_file));
  return Project(*footer->schema(), projection);
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

Result<std::shared_ptr<arrow::RecordBatch>> ParquetBatchReader::Next() {
  const int row_groups = file_->parquet_reader()->metadata()->num_row_groups();
  while (true) {
    if (rows_without_columns_ > 0) {
      const int64_t rows = std::min(rows_without_columns_, batch_rows_);
      rows_without_columns_ -= rows;
      return ToProjection(*arrow::RecordBatch::Make(arrow::schema({}), rows, arrow::ArrayVector{}));
    }
    std::shared_ptr<arrow::RecordBatch> batch;
    if (row_group_ != nullptr) {
      OCTO_TRY(Guard(location_, [&] { return row_group_->ReadNext(&batch); }));
    }
    if (batch != nullptr && batch->num_rows() > 0) return ToProjection(*batch);
    if (batch != nullptr) continue;
    row_group_.reset();
    if (next_row_group_ >= row_groups) return nullptr;
    OCTO_TRY(NextRowGroup());
  }
}

}  // namespace

Result<std::unique_ptr<BatchReader>> OpenDataFile(io::FileSystem& fs, const iceberg::DataFile& file,
                                                  const iceberg::Schema& projection,
                                                  const ReadFileOptions& options) {
  OCTO_ASSIGN(auto schema, ToArrowSchema(projection));
  OCTO_ASSIGN(auto input, OpenChecked(fs, file));
  auto reader = std::make_unique<ParquetBatchReader>(file.file_path, std::move(schema));
  OCTO_TRY(reader->Open(std::move(input), options.batch_rows, file, projection));
  return reader;
}

}  // namespace octolake::datafile
