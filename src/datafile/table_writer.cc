#include "datafile/table_writer.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/worker_pool.h"
#include "datafile/arrow_status.h"
#include "datafile/column_cast.h"
#include "datafile/data_file_names.h"
#include "datafile/data_file_writer.h"
#include "datafile/partitioner.h"
#include "datafile/row_buffer.h"

namespace octolake::datafile {
namespace {

// Batches are worked on in slices of this many rows, so that a huge one is not copied whole.
constexpr int64_t kSliceRows = 16'384;
// Rows of a partition are collected up to here and then encoded: fewer at a time would cost more
// than they do, and where many partitions are open most never have more.
constexpr int64_t kEncodeBytes = int64_t{512} << 10;

class TableWriterImpl final : public TableWriter {
 public:
  TableWriterImpl(io::FileSystem& fs, const iceberg::TableMetadata& metadata, FileLayout layout,
                  Partitioner partitioner, const WriterOptions& options, DataFileNames names)
      : fs_(fs),
        layout_(std::move(layout)),
        spec_id_(metadata.DefaultSpec().spec_id),
        partitioner_(std::move(partitioner)),
        options_(options),
        names_(std::move(names)) {}

  ~TableWriterImpl() override {
    if (finished_) return;
    open_.clear();
    RemoveFiles(fs_, files_);
  }

  Status Write(const arrow::RecordBatch& batch) override;
  Result<std::vector<iceberg::DataFile>> Finish() override;
  int64_t rows() const override { return rows_; }
  int64_t bytes_written() const override {
    int64_t bytes = closed_bytes_;
    for (const auto& [key, partition] : open_) bytes += EncodedBytes(partition);
    return bytes;
  }

 private:
  struct OpenPartition {
    iceberg::PartitionValues values;
    RowBuffer buffer;
    std::unique_ptr<DataFileWriter> file;  // made when the first rows are encoded
    int64_t group_rows = 0;                // in the file's open row group
    int64_t group_bytes = 0;               // of these, before encoding
    int64_t last_use = 0;

    int64_t rows() const { return group_rows + buffer.rows(); }
    int64_t raw_bytes() const { return group_bytes + buffer.bytes(); }
    int64_t memory() const {
      return buffer.bytes() + (file == nullptr ? 0 : file->buffered_bytes());
    }
  };
  using OpenPartitions = std::map<std::string, OpenPartition>;

  static int64_t EncodedBytes(const OpenPartition& partition) {
    return partition.file == nullptr ? 0 : partition.file->bytes();
  }

  Result<std::shared_ptr<arrow::RecordBatch>> ToTableColumns(const arrow::RecordBatch& batch) const;
  Status WriteSlice(std::shared_ptr<arrow::RecordBatch> slice);
  Status WriteRows(PartitionRows rows);
  Result<OpenPartition*> FindOrOpen(PartitionRows& rows);
  Status FlushWhatIsDue(OpenPartition& partition);
  Status FlushLargest();
  Status Encode(OpenPartition& partition);
  Status Flush(OpenPartition& partition);
  Status CloseFile(OpenPartition& partition);
  int64_t EstimatedBytes(const OpenPartition& partition) const;

  io::FileSystem& fs_;
  const FileLayout layout_;
  const int32_t spec_id_;
  const Partitioner partitioner_;
  const WriterOptions options_;
  DataFileNames names_;

  OpenPartitions open_;
  std::vector<iceberg::DataFile> files_;
  int64_t use_counter_ = 0;
  int64_t buffered_bytes_ = 0;  // sum of the open partitions' memory
  int64_t rows_ = 0;
  int64_t closed_bytes_ = 0;
  // In memory and encoded, of row groups, the latest counting most: their quotient foretells what
  // buffered rows become. Where rows are sorted, those that come differ from those long ago.
  int64_t raw_flushed_ = 0;
  int64_t encoded_flushed_ = 0;
  bool failed_ = false;
  bool finished_ = false;
};

// The table's columns in its order and types.
Result<std::shared_ptr<arrow::RecordBatch>> TableWriterImpl::ToTableColumns(
    const arrow::RecordBatch& batch) const {
  for (const auto& field : batch.schema()->fields()) {
    if (layout_.arrow_schema->GetFieldIndex(field->name()) < 0) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "the rows have a column " + field->name() + ", which the table has not");
    }
  }
  arrow::ArrayVector columns;
  for (const auto& field : layout_.arrow_schema->fields()) {
    const auto matches = batch.schema()->GetAllFieldIndices(field->name());
    if (matches.size() > 1) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "the rows have column " + field->name() + " more than once");
    }
    std::shared_ptr<arrow::Array> column;
    if (matches.empty()) {
      OCTO_ASSIGN(column, ToResult(arrow::MakeArrayOfNull(field->type(), batch.num_rows()),
                                   "column " + field->name()));
    } else {
      auto cast = CastColumn(batch.column(matches.front()), field->type());
      if (!cast) return WithContext(std::move(cast).error(), "column " + field->name());
      column = std::move(*cast);
    }
    if (!field->nullable() && column->null_count() > 0) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "column " + field->name() + " is required, but " +
                           std::to_string(column->null_count()) + " of " +
                           std::to_string(batch.num_rows()) + " rows have no value in it");
    }
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(layout_.arrow_schema, batch.num_rows(), std::move(columns));
}

Status TableWriterImpl::Write(const arrow::RecordBatch& batch) {
  if (failed_ || finished_) {
    return MakeError(ErrorKind::kInvalidArgument, "rows were given to a writer of " +
                                                      names_.directory() + " that has " +
                                                      (failed_ ? "failed" : "finished"));
  }
  // A refused batch leaves the writer as it was; what fails later leaves part of a batch behind.
  OCTO_ASSIGN(auto rows, ToTableColumns(batch));
  const int64_t step = std::clamp<int64_t>(options_.row_group_rows, 1, kSliceRows);
  for (int64_t offset = 0; offset < rows->num_rows(); offset += step) {
    auto slice = rows->num_rows() <= step ? rows : rows->Slice(offset, step);
    if (auto status = WriteSlice(std::move(slice)); !status) {
      failed_ = true;
      return status;
    }
  }
  rows_ += batch.num_rows();
  return {};
}

Status TableWriterImpl::WriteSlice(std::shared_ptr<arrow::RecordBatch> slice) {
  OCTO_ASSIGN(auto partitions, partitioner_.Split(std::move(slice)));
  for (auto& rows : partitions) OCTO_TRY(WriteRows(std::move(rows)));
  return {};
}

Status TableWriterImpl::WriteRows(PartitionRows rows) {
  OCTO_ASSIGN(OpenPartition * partition, FindOrOpen(rows));
  partition->last_use = ++use_counter_;
  if (partition->rows() + rows.rows->num_rows() > options_.row_group_rows) {
    OCTO_TRY(Flush(*partition));
  }
  const int64_t before = partition->memory();
  OCTO_TRY(partition->buffer.Add(std::move(rows.rows)));
  buffered_bytes_ += partition->memory() - before;
  if (partition->buffer.bytes() >= kEncodeBytes) OCTO_TRY(Encode(*partition));
  OCTO_TRY(FlushWhatIsDue(*partition));
  while (buffered_bytes_ > options_.max_buffered_bytes) OCTO_TRY(FlushLargest());
  return {};
}

// Closes the file used least recently if one more would be too many.
Result<TableWriterImpl::OpenPartition*> TableWriterImpl::FindOrOpen(PartitionRows& rows) {
  auto found = open_.find(rows.key);
  if (found != open_.end()) return &found->second;
  if (open_.size() >= static_cast<size_t>(std::max(options_.max_open_files, 1))) {
    auto oldest = std::min_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
      return a.second.last_use < b.second.last_use;
    });
    OCTO_TRY(CloseFile(oldest->second));
    open_.erase(oldest);
  }
  OpenPartition& partition = open_[rows.key];
  partition.values = std::move(rows.values);
  return &partition;
}

int64_t TableWriterImpl::EstimatedBytes(const OpenPartition& partition) const {
  // Nothing is known before the first row group; taking rows as large as they are in memory makes
  // that one small for a small target, and every later estimate good.
  const double ratio =
      raw_flushed_ == 0 ? 1.0
                        : static_cast<double>(encoded_flushed_) / static_cast<double>(raw_flushed_);
  return EncodedBytes(partition) +
         static_cast<int64_t>(static_cast<double>(partition.raw_bytes()) * ratio);
}

Status TableWriterImpl::FlushWhatIsDue(OpenPartition& partition) {
  const bool full = partition.rows() >= options_.row_group_rows ||
                    partition.raw_bytes() >= options_.row_group_bytes;
  if (full || EstimatedBytes(partition) >= options_.target_file_bytes) OCTO_TRY(Flush(partition));
  if (EncodedBytes(partition) >= options_.target_file_bytes) return CloseFile(partition);
  return {};
}

Status TableWriterImpl::FlushLargest() {
  auto largest = std::max_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
    return a.second.memory() < b.second.memory();
  });
  OCTO_TRY(Flush(largest->second));
  return FlushWhatIsDue(largest->second);
}

// What is buffered goes into the file's open row group.
Status TableWriterImpl::Encode(OpenPartition& partition) {
  if (partition.buffer.rows() == 0) return {};
  const int64_t before = partition.memory();
  partition.group_rows += partition.buffer.rows();
  partition.group_bytes += partition.buffer.bytes();
  const auto batches = partition.buffer.Release();
  if (partition.file == nullptr) {
    OCTO_ASSIGN(partition.file, DataFileWriter::Open(fs_, names_.Next(partition.values), layout_,
                                                     *batches.front()));
  }
  for (const auto& batch : batches) OCTO_TRY(partition.file->Write(*batch));
  buffered_bytes_ += partition.memory() - before;
  return {};
}

// Ends the row group.
Status TableWriterImpl::Flush(OpenPartition& partition) {
  OCTO_TRY(Encode(partition));
  if (partition.file == nullptr || partition.group_rows == 0) return {};
  const int64_t before = partition.file->bytes();
  buffered_bytes_ -= partition.memory();
  OCTO_TRY(partition.file->EndRowGroup());
  raw_flushed_ = raw_flushed_ / 2 + partition.group_bytes;
  encoded_flushed_ = encoded_flushed_ / 2 + partition.file->bytes() - before;
  partition.group_rows = 0;
  partition.group_bytes = 0;
  return {};
}

// What is buffered goes into the file; a later row of the partition begins another.
Status TableWriterImpl::CloseFile(OpenPartition& partition) {
  OCTO_TRY(Flush(partition));
  if (partition.file == nullptr) return {};
  OCTO_ASSIGN(auto file, partition.file->Close());
  partition.file.reset();
  file.partition = partition.values;
  file.spec_id = spec_id_;
  closed_bytes_ += file.file_size_in_bytes;
  files_.push_back(std::move(file));
  return {};
}

Result<std::vector<iceberg::DataFile>> TableWriterImpl::Finish() {
  if (failed_ || finished_) {
    return MakeError(ErrorKind::kInvalidArgument, "the writer of " + names_.directory() + " has " +
                                                      (failed_ ? "failed" : "finished") +
                                                      " already");
  }
  failed_ = true;  // until all is done
  for (auto& [key, partition] : open_) OCTO_TRY(CloseFile(partition));
  open_.clear();
  failed_ = false;
  finished_ = true;
  return std::move(files_);
}

}  // namespace

Result<std::unique_ptr<TableWriter>> MakeTableWriter(io::FileSystem& fs, RandomSource& random,
                                                     const iceberg::TableMetadata& metadata,
                                                     const WriterOptions& options) {
  const auto context = [&](Error error) {
    return WithContext(std::move(error), "cannot write to table " + metadata.location);
  };
  auto layout = MakeFileLayout(metadata, options.zstd_level);
  if (!layout) return context(std::move(layout).error());
  if (options.threads > 1) layout->workers = std::make_shared<WorkerPool>(options.threads);
  const auto& spec = metadata.DefaultSpec();
  auto partitioner = Partitioner::Make(layout->schema, spec);
  if (!partitioner) return context(std::move(partitioner).error());
  auto names = DataFileNames::Make(random, metadata);
  if (!names) return context(std::move(names).error());
  return std::make_unique<TableWriterImpl>(fs, metadata, std::move(*layout),
                                           std::move(*partitioner), options, std::move(*names));
}

void RemoveFiles(io::FileSystem& fs, const std::vector<iceberg::DataFile>& files) {
  for (const auto& file : files) {
    // A file that stays behind is an orphan: it costs space until maintenance removes it.
    [[maybe_unused]] auto status = fs.Remove(file.file_path);
  }
}

}  // namespace octolake::datafile
