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
#include <parquet/size_statistics.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "datafile/arrow_schema.h"
#include "datafile/arrow_status.h"
#include "datafile/column_cast.h"
#include "datafile/parquet_input.h"
#include "datafile/position_deletes.h"

namespace octolake::datafile {
namespace {

// Of files that are joined: their bytes, and of a batch.
constexpr int64_t kMostJoined = int64_t{1} << 20;
constexpr int64_t kBytesOfABatch = int64_t{4} << 20;
constexpr int64_t kMostRowsOfABatch = 16'384;

class ParquetBatchReader final : public BatchReader {
 public:
  ParquetBatchReader(ParquetInput input, std::shared_ptr<arrow::Schema> schema)
      : input_(std::move(input)), schema_(std::move(schema)) {}

  // With the file's rows that are deleted, if any.
  Status Open(const iceberg::Schema& projection, RowSet deleted);
  // Before the first batch.
  Status LimitBatches(int64_t bytes);
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

  const ParquetInput input_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<arrow::RecordBatchReader> row_group_;  // all of them where files are joined
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

Status ParquetBatchReader::Open(const iceberg::Schema& projection, RowSet deleted) {
  batch_rows_ = input_.file->properties().batch_size();
  deleted_ = std::move(deleted);
  return Project(*input_.file->parquet_reader()->metadata()->schema(), projection);
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
    return MakeError(
        ErrorKind::kCorruption,
        input_.location() + " has no field ids; it was not written for an Iceberg table");
  }
  std::map<int, size_t> column_of_leaf;
  place_.assign(projection.fields.size(), -1);
  for (size_t column = 0; column < projection.fields.size(); ++column) {
    const auto& field = projection.fields[column];
    auto found = by_id.find(field.id);
    if (found == by_id.end()) {
      if (!field.required) continue;
      return MakeError(ErrorKind::kCorruption, input_.location() + " lacks the required column " +
                                                   field.name + " (field id " +
                                                   std::to_string(field.id) + ")");
    }
    if (!found->second->is_primitive()) {
      return MakeError(
          ErrorKind::kCorruption,
          input_.location() + " has a nested column where column " + field.name + " is expected");
    }
    column_of_leaf.emplace(descriptor.ColumnIndex(*found->second), column);
  }
  for (auto [leaf, column] : column_of_leaf) {
    place_[column] = static_cast<int>(leaves_.size());
    leaves_.push_back(leaf);
  }
  return {};
}

Status ParquetBatchReader::LimitBatches(int64_t bytes) {
  return Guard(input_, [&] {
    const auto footer = input_.file->parquet_reader()->metadata();
    double encoded = 0;  // footers can say anything
    for (int group = 0; group < footer->num_row_groups(); ++group) {
      const auto row_group = footer->RowGroup(group);
      for (const int leaf : leaves_) {
        encoded += static_cast<double>(row_group->ColumnChunk(leaf)->total_uncompressed_size());
      }
    }
    const double most = static_cast<double>(bytes) * static_cast<double>(footer->num_rows());
    if (encoded > 0) {
      batch_rows_ =
          static_cast<int64_t>(std::clamp(most / encoded, 1.0, static_cast<double>(batch_rows_)));
      input_.file->set_batch_size(batch_rows_);
    }
    return arrow::Status::OK();
  });
}

Status ParquetBatchReader::NextRowGroup() {
  const auto footer = input_.file->parquet_reader()->metadata();
  if (leaves_.empty()) {
    rows_without_columns_ = footer->RowGroup(next_row_group_++)->num_rows();
    return {};
  }
  row_group_.reset();
  std::vector<int> groups = {next_row_group_++};
  while (input_.locations.size() > 1 && next_row_group_ < footer->num_row_groups()) {
    groups.push_back(next_row_group_++);
  }
  return Guard(input_, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(row_group_, input_.file->GetRecordBatchReader(groups, leaves_));
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
                                       input_.location() + ": column " + field->name()));
      columns.push_back(std::move(nulls));
      continue;
    }
    auto cast = CastColumn(batch.column(place_[column]), field->type());
    if (!cast) {
      return MakeError(ErrorKind::kCorruption, input_.location() + ": column " + field->name() +
                                                   ": " + cast.error().message);
    }
    columns.push_back(std::move(*cast));
  }
  return arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns));
}

Result<std::shared_ptr<arrow::RecordBatch>> ParquetBatchReader::NextOfFile() {
  const int row_groups = input_.file->parquet_reader()->metadata()->num_row_groups();
  while (true) {
    if (rows_without_columns_ > 0) {
      const int64_t rows = std::min(rows_without_columns_, batch_rows_);
      rows_without_columns_ -= rows;
      return arrow::RecordBatch::Make(arrow::schema({}), rows, arrow::ArrayVector{});
    }
    std::shared_ptr<arrow::RecordBatch> batch;
    if (row_group_ != nullptr) {
      OCTO_TRY(Guard(input_, [&] { return row_group_->ReadNext(&batch); }));
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
  OCTO_TRY(ToStatus(builder.Reserve(batch->num_rows()), input_.location()));
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
  OCTO_ASSIGN(const auto keep, ToResult(builder.Finish(), input_.location()));
  OCTO_ASSIGN(const auto rows, ToResult(arrow::compute::Filter(batch, keep), input_.location()));
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

Result<std::unique_ptr<BatchReader>> MakeReader(ParquetInput input,
                                                const iceberg::Schema& projection, RowSet deleted,
                                                int64_t batch_bytes = 0) {
  OCTO_ASSIGN(auto schema, ToArrowSchema(projection));
  auto reader = std::make_unique<ParquetBatchReader>(std::move(input), std::move(schema));
  OCTO_TRY(reader->Open(projection, std::move(deleted)));
  if (batch_bytes > 0) OCTO_TRY(reader->LimitBatches(batch_bytes));
  return reader;
}

bool MayBeJoined(const iceberg::ScanTask& task) {
  return task.deletes.empty() && task.file.file_size_in_bytes <= kReadAtOnce;
}

// The bytes of a column's values; nullopt if its file does not say how long they are together.
std::optional<int64_t> ValueBytes(const parquet::ColumnChunkMetaData& chunk) {
  if (!chunk.has_dictionary_page()) return chunk.total_uncompressed_size();
  if (chunk.type() != parquet::Type::BYTE_ARRAY) {
    return chunk.num_values() * static_cast<int64_t>(sizeof(int64_t));
  }
  const auto sizes = chunk.size_statistics();
  return sizes == nullptr ? std::nullopt : sizes->unencoded_byte_array_data_bytes;
}

// How many rows make a batch of joined files: some MiB, or as many as of other files if that cannot
// be told.
int64_t RowsOfJoined(const std::vector<ParquetBytes>& files, int64_t otherwise) {
  int64_t rows = 0;
  int64_t bytes = 0;
  for (const ParquetBytes& file : files) {
    const auto footer = file.reader->metadata();
    rows += footer->num_rows();
    for (int group = 0; group < footer->num_row_groups(); ++group) {
      const auto row_group = footer->RowGroup(group);
      for (int column = 0; column < row_group->num_columns(); ++column) {
        const auto of_column = ValueBytes(*row_group->ColumnChunk(column));
        if (!of_column) return otherwise;
        bytes += *of_column;
      }
    }
  }
  const int64_t row_bytes = std::max<int64_t>(1, bytes / std::max<int64_t>(1, rows));
  return std::clamp<int64_t>(kBytesOfABatch / row_bytes, 1, kMostRowsOfABatch);
}

class TasksReader final : public BatchReader {
 public:
  TasksReader(io::FileSystem& fs, std::span<const iceberg::ScanTask> tasks,
              const iceberg::Schema& projection, const ReadFileOptions& options,
              std::shared_ptr<arrow::Schema> schema)
      : fs_(fs),
        tasks_(tasks),
        projection_(projection),
        options_(options),
        schema_(std::move(schema)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    while (true) {
      if (reader_ == nullptr) {
        if (next_ == tasks_.size()) return nullptr;
        OCTO_TRY(OpenNext());
      }
      OCTO_ASSIGN(auto batch, reader_->Next());
      if (batch != nullptr) return batch;
      reader_.reset();
    }
  }

 private:
  // The next task, and those behind it that can be joined with it.
  Status OpenNext() {
    if (!MayBeJoined(tasks_[next_])) {
      OCTO_ASSIGN(reader_, OpenScanTask(fs_, tasks_[next_++], projection_, options_));
      return {};
    }
    std::vector<ParquetBytes> files;
    int64_t bytes = 0;
    while (next_ < tasks_.size() && MayBeJoined(tasks_[next_]) && bytes < kMostJoined) {
      if (ahead_.reader == nullptr) {
        OCTO_ASSIGN(ahead_, ReadFooter(fs_, tasks_[next_].file));
      }
      if (!files.empty() && !CanBeJoined(files.front(), ahead_)) break;
      bytes += tasks_[next_++].file.file_size_in_bytes;
      files.push_back(std::exchange(ahead_, {}));
    }
    int64_t rows = options_.batch_rows;
    if (files.size() > 1) {
      OCTO_TRY(Guard(files.front().file->file_path, [&] {
        rows = RowsOfJoined(files, rows);
        return arrow::Status::OK();
      }));
    }
    OCTO_ASSIGN(auto input, MakeInput(std::move(files), rows));
    OCTO_ASSIGN(reader_, MakeReader(std::move(input), projection_, {}, options_.batch_bytes));
    return {};
  }

  io::FileSystem& fs_;
  const std::span<const iceberg::ScanTask> tasks_;
  const iceberg::Schema projection_;
  const ReadFileOptions options_;
  const std::shared_ptr<arrow::Schema> schema_;
  size_t next_ = 0;     // of the tasks, that is not yet read from
  ParquetBytes ahead_;  // its footer, if that was read
  std::unique_ptr<BatchReader> reader_;
};

}  // namespace

Result<std::unique_ptr<BatchReader>> OpenScanTask(io::FileSystem& fs, const iceberg::ScanTask& task,
                                                  const iceberg::Schema& projection,
                                                  const ReadFileOptions& options) {
  OCTO_ASSIGN(auto input, OpenParquet(fs, task.file, options.batch_rows));
  OCTO_ASSIGN(RowSet deleted, ReadPositionDeletes(fs, task.file, task.deletes));
  return MakeReader(std::move(input), projection, std::move(deleted), options.batch_bytes);
}

size_t TasksToJoin(std::span<const iceberg::ScanTask> tasks) {
  size_t count = 0;
  int64_t bytes = 0;
  while (count < tasks.size() && MayBeJoined(tasks[count]) && bytes < kMostJoined) {
    bytes += tasks[count++].file.file_size_in_bytes;
  }
  return std::max<size_t>(count, 1);
}

Result<std::unique_ptr<BatchReader>> OpenScanTasks(io::FileSystem& fs,
                                                   std::span<const iceberg::ScanTask> tasks,
                                                   const iceberg::Schema& projection,
                                                   const ReadFileOptions& options) {
  OCTO_ASSIGN(auto schema, ToArrowSchema(projection));
  return std::make_unique<TasksReader>(fs, tasks, projection, options, std::move(schema));
}

Result<std::unique_ptr<BatchReader>> ReadOpened(ParquetInput opened,
                                                const iceberg::Schema& projection) {
  return MakeReader(std::move(opened), projection, {});
}

Result<std::unique_ptr<BatchReader>> OpenDataFile(io::FileSystem& fs, const iceberg::DataFile& file,
                                                  const iceberg::Schema& projection,
                                                  const ReadFileOptions& options) {
  return OpenScanTask(fs, {.file = file}, projection, options);
}

}  // namespace octolake::datafile
