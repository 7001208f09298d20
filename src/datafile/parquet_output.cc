#include "datafile/parquet_output.h"

#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/memory_pool.h>
#include <parquet/exception.h>
#include <parquet/file_writer.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>

#include "base/worker_pool.h"
#include "datafile/text_pages.h"

namespace octolake::datafile {
namespace {

constexpr char kMagic[] = {'P', 'A', 'R', '1'};
// Objects and small buffers of an open column, beside its values.
constexpr int64_t kOverheadPerColumn = int64_t{4} << 10;

}  // namespace

// Columns come to the file in their order, whichever thread ends them.
class ParquetOutput::Turns {
 public:
  // Waits for the end of all columns before; false if one of them failed.
  bool Wait(int column) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ >= column; });
    return !failed_;
  }
  // The column has waited for its turn.
  void End(bool failed) {
    {
      const std::lock_guard lock(mutex_);
      ++ended_;
      failed_ = failed_ || failed;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int ended_ = 0;
  bool failed_ = false;
};

// What is written to it comes to the file when it is the column's turn. Nothing comes behind what
// could not be written.
class ParquetOutput::SinkInTurn final : public arrow::io::OutputStream {
 public:
  SinkInTurn(std::shared_ptr<arrow::io::OutputStream> sink, std::shared_ptr<Turns> turns,
             int column)
      : sink_(std::move(sink)), turns_(std::move(turns)), column_(column) {}
  ~SinkInTurn() override = default;

  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return sink_->closed(); }
  arrow::Result<int64_t> Tell() const override {
    ARROW_RETURN_NOT_OK(Wait());
    return sink_->Tell();
  }
  arrow::Status Write(const void* data, int64_t size) override {
    ARROW_RETURN_NOT_OK(Wait());
    return sink_->Write(data, size);
  }
  using arrow::io::OutputStream::Write;

 private:
  arrow::Status Wait() const {
    if (turns_->Wait(column_)) return arrow::Status::OK();
    return arrow::Status::Cancelled("a column before this one could not be written");
  }

  const std::shared_ptr<arrow::io::OutputStream> sink_;
  const std::shared_ptr<Turns> turns_;
  const int column_;
};

ParquetOutput::ParquetOutput(std::shared_ptr<arrow::io::OutputStream> sink,
                             const parquet::SchemaDescriptor& schema,
                             std::shared_ptr<parquet::WriterProperties> properties)
    : sink_(std::move(sink)), schema_(schema), properties_(std::move(properties)) {
  metadata_ = parquet::FileMetaDataBuilder::Make(&schema_, properties_);
  page_index_ = parquet::PageIndexBuilder::Make(&schema_);
  PARQUET_THROW_NOT_OK(sink_->Write(kMagic, sizeof kMagic));
}

ParquetOutput::~ParquetOutput() = default;

// Whether nothing but its bytes is wanted of a column: no dictionary, and no bounds.
bool ParquetOutput::IsLongText(int column) const {
  const parquet::ColumnDescriptor& descriptor = *schema_.Column(column);
  return descriptor.physical_type() == parquet::Type::BYTE_ARRAY &&
         descriptor.max_repetition_level() == 0 && descriptor.max_definition_level() <= 1 &&
         properties_->compression(descriptor.path()) == arrow::Compression::ZSTD &&
         !properties_->dictionary_enabled(descriptor.path()) &&
         !properties_->statistics_enabled(descriptor.path());
}

std::unique_ptr<parquet::PageWriter> ParquetOutput::OpenPages(
    int column, parquet::ColumnChunkMetaDataBuilder* metadata, bool buffered) {
  const auto path = schema_.Column(column)->path();
  const bool bounds = properties_->statistics_enabled(path);
  const auto codec_options = properties_->codec_options(path);
  return parquet::PageWriter::Open(
      std::make_shared<SinkInTurn>(sink_, turns_, column), properties_->compression(path), metadata,
      row_group_number_, static_cast<int16_t>(column), properties_->memory_pool(), buffered,
      nullptr, nullptr, properties_->page_checksum_enabled(),
      bounds ? page_index_->GetColumnIndexBuilder(column) : nullptr,
      page_index_->GetOffsetIndexBuilder(column),
      codec_options == nullptr ? parquet::CodecOptions() : *codec_options);
}

void ParquetOutput::BeginRowGroup(const std::vector<bool>& taken_over) {
  row_group_ = metadata_->AppendRowGroup();
  page_index_->AppendRowGroup();
  ++row_group_number_;
  turns_ = std::make_shared<Turns>();
  columns_ = std::vector<Column>(static_cast<size_t>(num_columns()));
  for (int i = 0; i < num_columns(); ++i) {
    Column& column = columns_[static_cast<size_t>(i)];
    column.metadata = row_group_->NextColumnChunk();
    if (taken_over[static_cast<size_t>(i)]) continue;
    if (IsLongText(i)) {
      const parquet::ColumnDescriptor& descriptor = *schema_.Column(i);
      column.texts = std::make_unique<TextPages>(properties_->compression_level(descriptor.path()),
                                                 descriptor.max_definition_level() > 0,
                                                 properties_->memory_pool());
      continue;
    }
    column.writer = parquet::ColumnWriter::Make(
        column.metadata, OpenPages(i, column.metadata, true), properties_.get());
  }
}

void ParquetOutput::Write(int column, const std::vector<int16_t>& levels,
                          const arrow::Array& values) {
  Column& target = columns_[static_cast<size_t>(column)];
  if (target.texts != nullptr) return target.texts->Add(values);
  parquet::ArrowWriteContext context(properties_->memory_pool(),
                                     parquet::default_arrow_writer_properties().get());
  const bool optional = schema_.Column(column)->max_definition_level() > 0;
  PARQUET_THROW_NOT_OK(target.writer->WriteArrow(optional ? levels.data() : nullptr, nullptr,
                                                 values.length(), values, &context, optional));
}

void ParquetOutput::AddPages(int column, ColumnPages pages) {
  ColumnPages& waiting = columns_[static_cast<size_t>(column)].pages;
  waiting.rows += pages.rows;
  waiting.bytes += pages.bytes;
  for (auto& page : pages.pages) waiting.pages.push_back(std::move(page));
}

int64_t ParquetOutput::WritePages(int column, parquet::ColumnChunkMetaDataBuilder* metadata,
                                  ColumnPages pages) {
  const auto writer = OpenPages(column, metadata, false);
  parquet::SizeStatistics sizes;
  int64_t bytes = 0;
  int64_t first_row = 0;
  for (auto& page : pages.pages) {
    // Its statistics are those of the source, which has none either where none are wanted.
    bytes += writer->WriteDataPage(parquet::DataPageV1(
        page->buffer(), page->num_values(), page->encoding(), page->definition_level_encoding(),
        page->repetition_level_encoding(), page->uncompressed_size(), parquet::EncodedStatistics(),
        first_row, page->size_statistics()));
    first_row += page->num_values();
    // Pages of other files come without.
    if (page->size_statistics().is_set()) {
      if (sizes.is_set()) {
        sizes.Merge(page->size_statistics());
      } else {
        sizes = page->size_statistics();
      }
    }
    page.reset();
  }
  if (sizes.is_set()) metadata->SetSizeStatistics(sizes);
  writer->Close(false, false);
  return bytes;
}

int64_t ParquetOutput::EndColumn(int number, int64_t rows) {
  Column column = std::exchange(columns_[static_cast<size_t>(number)], {});
  if (column.texts != nullptr) column.pages = column.texts->Finish();
  const int64_t found = column.writer ? column.writer->rows_written() : column.pages.rows;
  if (found != rows) {
    throw parquet::ParquetException("column " + schema_.Column(number)->name() +
                                    " of a row group has " + std::to_string(found) +
                                    " rows instead of " + std::to_string(rows));
  }
  if (column.writer) return column.writer->Close();
  return WritePages(number, column.metadata, std::move(column.pages));
}

void ParquetOutput::EndRowGroup(int64_t rows, WorkerPool* workers) {
  std::vector<int64_t> bytes(columns_.size());
  std::exception_ptr failure;  // of the first column that failed
  const auto end = [&](size_t column) {
    std::exception_ptr failed;
    try {
      bytes[column] = EndColumn(static_cast<int>(column), rows);
    } catch (...) {
      failed = std::current_exception();
    }
    turns_->Wait(static_cast<int>(column));
    if (failure == nullptr) failure = failed;
    turns_->End(failed != nullptr);
  };
  if (workers != nullptr) {
    // It begins with the first, so that the first of those under way never waits.
    workers->ForEach(columns_.size(), end);
  } else {
    for (size_t column = 0; column < columns_.size(); ++column) end(column);
  }
  if (failure != nullptr) std::rethrow_exception(failure);
  columns_.clear();
  row_group_->set_num_rows(rows);
  std::exchange(row_group_, nullptr)
      ->Finish(std::accumulate(bytes.begin(), bytes.end(), int64_t{0}), row_group_number_);
}

int64_t ParquetOutput::buffered_bytes() const {
  int64_t bytes = 0;
  for (const Column& column : columns_) {
    bytes += kOverheadPerColumn + column.pages.bytes;
    if (column.texts != nullptr) bytes += column.texts->bytes();
    if (column.writer == nullptr) continue;
    const parquet::ColumnWriter& writer = *column.writer;
    bytes += writer.total_compressed_bytes() + writer.total_compressed_bytes_written() +
             writer.estimated_buffered_def_level_bytes() + writer.estimated_buffered_value_bytes() +
             writer.estimated_buffered_dict_bytes();
  }
  return bytes;
}

std::unique_ptr<parquet::FileMetaData> ParquetOutput::Close() {
  page_index_->Finish();
  const auto written = page_index_->WriteTo(sink_.get());
  metadata_->SetIndexLocations(parquet::IndexKind::kColumnIndex, written.column_index_locations);
  metadata_->SetIndexLocations(parquet::IndexKind::kOffsetIndex, written.offset_index_locations);
  auto metadata = metadata_->Finish();
  parquet::WriteFileMetaData(*metadata, sink_.get());
  return metadata;
}

}  // namespace octolake::datafile
