#include "datafile/parquet_output.h"

#include <arrow/io/interfaces.h>
#include <parquet/exception.h>
#include <parquet/file_writer.h>

#include <string>
#include <utility>

namespace octolake::datafile {
namespace {

constexpr char kMagic[] = {'P', 'A', 'R', '1'};
// Objects and small buffers of an open column, beside its values.
constexpr int64_t kOverheadPerColumn = int64_t{4} << 10;

}  // namespace

ParquetOutput::ParquetOutput(std::shared_ptr<arrow::io::OutputStream> sink,
                             const parquet::SchemaDescriptor& schema,
                             std::shared_ptr<parquet::WriterProperties> properties)
    : sink_(std::move(sink)), schema_(schema), properties_(std::move(properties)) {
  metadata_ = parquet::FileMetaDataBuilder::Make(&schema_, properties_);
  page_index_ = parquet::PageIndexBuilder::Make(&schema_);
  PARQUET_THROW_NOT_OK(sink_->Write(kMagic, sizeof kMagic));
}

std::unique_ptr<parquet::PageWriter> ParquetOutput::OpenPages(int column, bool buffered) {
  const auto path = schema_.Column(column)->path();
  const bool bounds = properties_->statistics_enabled(path);
  const auto codec_options = properties_->codec_options(path);
  return parquet::PageWriter::Open(
      sink_, properties_->compression(path), columns_[static_cast<size_t>(column)].metadata,
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
  columns_ = std::vector<Column>(static_cast<size_t>(num_columns()));
  for (int i = 0; i < num_columns(); ++i) {
    Column& column = columns_[static_cast<size_t>(i)];
    column.metadata = row_group_->NextColumnChunk();
    if (taken_over[static_cast<size_t>(i)]) continue;
    column.writer =
        parquet::ColumnWriter::Make(column.metadata, OpenPages(i, true), properties_.get());
  }
}

void ParquetOutput::AddPages(int column, ColumnPages pages) {
  ColumnPages& waiting = columns_[static_cast<size_t>(column)].pages;
  waiting.rows += pages.rows;
  waiting.bytes += pages.bytes;
  for (auto& page : pages.pages) waiting.pages.push_back(std::move(page));
}

int64_t ParquetOutput::WritePages(int column) {
  const auto writer = OpenPages(column, false);
  int64_t bytes = 0;
  int64_t first_row = 0;
  for (auto& page : columns_[static_cast<size_t>(column)].pages.pages) {
    // Its statistics are those of the source, which has none either where none are wanted.
    bytes += writer->WriteDataPage(
        parquet::DataPageV1(page->buffer(), page->num_values(), page->encoding(),
                            page->definition_level_encoding(), page->repetition_level_encoding(),
                            page->uncompressed_size(), parquet::EncodedStatistics(), first_row));
    first_row += page->num_values();
    page.reset();
  }
  writer->Close(false, false);
  return bytes;
}

void ParquetOutput::EndRowGroup(int64_t rows) {
  int64_t bytes = 0;
  for (int i = 0; i < num_columns(); ++i) {
    Column& column = columns_[static_cast<size_t>(i)];
    const int64_t found = column.writer ? column.writer->rows_written() : column.pages.rows;
    if (found != rows) {
      throw parquet::ParquetException("column " + schema_.Column(i)->name() +
                                      " of a row group has " + std::to_string(found) +
                                      " rows instead of " + std::to_string(rows));
    }
    bytes += column.writer ? column.writer->Close() : WritePages(i);
    column = {};
  }
  columns_.clear();
  row_group_->set_num_rows(rows);
  std::exchange(row_group_, nullptr)->Finish(bytes, row_group_number_);
}

int64_t ParquetOutput::buffered_bytes() const {
  int64_t bytes = 0;
  for (const Column& column : columns_) {
    bytes += kOverheadPerColumn + column.pages.bytes;
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
