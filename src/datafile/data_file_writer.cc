#include "datafile/data_file_writer.h"

#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/schema.h>
#include <parquet/column_writer.h>
#include <parquet/exception.h>
#include <parquet/file_writer.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <utility>

#include "datafile/arrow_files.h"
#include "datafile/arrow_schema.h"
#include "datafile/arrow_status.h"
#include "datafile/dictionary_choice.h"

namespace octolake::datafile {
namespace {

// Parquet throws where Arrow returns a Status.
template <typename Function>
auto Guard(const std::string& location, Function function) -> decltype(function()) {
  try {
    return function();
  } catch (const parquet::ParquetStatusException& error) {
    return tl::unexpected<Error>(FromArrow(error.status(), location));
  } catch (const std::exception& error) {
    return MakeError(ErrorKind::kIo, location + ": " + error.what());
  }
}

// Objects and small buffers of an open column, beside its values.
constexpr int64_t kOverheadPerColumn = int64_t{4} << 10;
// Long values come few to a page: with more rows between two looks at its size, pages of them would
// outgrow the processor's cache.
constexpr int64_t kRowsBetweenSizeChecks = 256;

std::shared_ptr<parquet::WriterProperties> MakeProperties(const FileLayout& layout,
                                                          const ::arrow::RecordBatch& sample) {
  parquet::WriterProperties::Builder builder;
  builder.created_by("octolake")
      ->compression(parquet::Compression::ZSTD)
      ->compression_level(layout.zstd_level)
      // zstd has none in Parquet: a damaged page would be decoded into other values.
      ->enable_page_checksum()
      ->write_batch_size(kRowsBetweenSizeChecks);
  for (size_t column = 0; column < layout.modes.size(); ++column) {
    const std::string& name = layout.arrow_schema->field(static_cast<int>(column))->name();
    // Without bounds in the manifest none are wanted in the footer and the page index either: they
    // would hold long texts.
    if (!layout.modes[column].bounds) builder.disable_statistics(name);
    if (!DictionaryPays(*sample.column(static_cast<int>(column)))) {
      builder.disable_dictionary(name);
    }
  }
  return builder.build();
}

}  // namespace

Result<FileLayout> MakeFileLayout(const iceberg::TableMetadata& metadata, int zstd_level) {
  FileLayout layout;
  layout.schema = metadata.CurrentSchema();
  OCTO_ASSIGN(layout.arrow_schema, ToArrowSchema(layout.schema));
  for (const auto& field : layout.schema.fields) {
    OCTO_ASSIGN(MetricsMode mode, MetricsModeOf(metadata.properties, field.name));
    layout.modes.push_back(mode);
  }
  layout.zstd_level = zstd_level;
  std::shared_ptr<parquet::SchemaDescriptor> descriptor;
  OCTO_TRY(Guard(metadata.location, [&] {
    return ToStatus(
        parquet::arrow::ToParquetSchema(layout.arrow_schema.get(),
                                        *parquet::default_writer_properties(), &descriptor),
        metadata.location);
  }));
  layout.parquet_schema =
      std::static_pointer_cast<parquet::schema::GroupNode>(descriptor->schema_root());
  return layout;
}

DataFileWriter::DataFileWriter(std::unique_ptr<io::OutputFile> file, const FileLayout& layout)
    : file_(std::move(file)), layout_(layout) {}

DataFileWriter::~DataFileWriter() = default;

Result<std::unique_ptr<DataFileWriter>> DataFileWriter::Open(io::FileSystem& fs,
                                                             const std::string& location,
                                                             const FileLayout& layout,
                                                             const ::arrow::RecordBatch& sample) {
  OCTO_ASSIGN(auto file, fs.CreateNew(location));
  std::unique_ptr<DataFileWriter> result(new DataFileWriter(std::move(file), layout));
  OCTO_TRY(Guard(location, [&]() -> Status {
    result->writer_ = parquet::ParquetFileWriter::Open(
        MakeOutputStream(*result->file_), layout.parquet_schema, MakeProperties(layout, sample));
    return {};
  }));
  return result;
}

void DataFileWriter::WriteColumn(int column, const ::arrow::Array& array) {
  const bool nullable = layout_.arrow_schema->field(column)->nullable();
  if (nullable) {
    levels_.assign(static_cast<size_t>(array.length()), array.null_count() == 0 ? 1 : 0);
    if (array.null_count() > 0 && array.null_count() < array.length()) {
      for (int64_t row = 0; row < array.length(); ++row) {
        levels_[static_cast<size_t>(row)] = array.IsValid(row) ? 1 : 0;
      }
    }
  }
  parquet::ArrowWriteContext context(::arrow::default_memory_pool(),
                                     parquet::default_arrow_writer_properties().get());
  PARQUET_THROW_NOT_OK(row_group_->column(column)->WriteArrow(
      nullable ? levels_.data() : nullptr, nullptr, array.length(), array, &context, nullable));
}

Status DataFileWriter::Write(const ::arrow::RecordBatch& batch) {
  if (batch.num_rows() == 0) return {};
  return Guard(file_->location(), [&]() -> Status {
    if (row_group_ == nullptr) {
      row_group_ = writer_->AppendBufferedRowGroup();
      counts_.emplace_back();
    }
    counts_.back().Add(batch);
    for (int column = 0; column < batch.num_columns(); ++column) {
      WriteColumn(column, *batch.column(column));
    }
    rows_ += batch.num_rows();
    return {};
  });
}

Status DataFileWriter::EndRowGroup() {
  if (row_group_ == nullptr) return {};
  return Guard(file_->location(), [&]() -> Status {
    std::exchange(row_group_, nullptr)->Close();
    return {};
  });
}

int64_t DataFileWriter::buffered_bytes() const {
  if (row_group_ == nullptr) return 0;
  const auto pending = row_group_->estimated_buffered_stats();
  return row_group_->total_compressed_bytes() + row_group_->total_compressed_bytes_written() +
         pending.def_level_bytes + pending.value_bytes + pending.dict_bytes +
         row_group_->num_columns() * kOverheadPerColumn;
}

Result<iceberg::DataFile> DataFileWriter::Close() {
  const std::string& location = file_->location();
  iceberg::DataFile result;
  OCTO_TRY(EndRowGroup());
  OCTO_TRY(Guard(location, [&]() -> Status {
    writer_->Close();
    return FillMetrics(*writer_->metadata(), layout_.schema, layout_.modes, counts_, result);
  }));
  OCTO_TRY(file_->Close());
  result.file_path = location;
  result.record_count = rows_;
  result.file_size_in_bytes = file_->size();
  return result;
}

}  // namespace octolake::datafile
