#include "datafile/data_file_writer.h"

#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/schema.h>
#include <parquet/column_writer.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <utility>

#include "base/worker_pool.h"
#include "datafile/arrow_files.h"
#include "datafile/arrow_schema.h"
#include "datafile/arrow_status.h"
#include "datafile/dictionary_choice.h"
#include "datafile/parquet_output.h"

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

// Long values come few to a page: with more rows between two looks at its size, pages of them would
// outgrow the processor's cache.
constexpr int64_t kRowsBetweenSizeChecks = 256;

std::shared_ptr<parquet::WriterProperties> MakeProperties(const FileLayout& layout,
                                                          const ::arrow::RecordBatch& sample) {
  parquet::WriterProperties::Builder builder;
  // Buffers of pages grow by doubling and go with each page: malloc hands the same memory out
  // again, Arrow's own allocator took fresh memory for them, 40 to 80 MB on top.
  builder.memory_pool(::arrow::system_memory_pool())
      ->created_by(kCreatedBy)
      ->compression(kCodec)
      ->compression_level(layout.zstd_level)
      // zstd has none in Parquet: a damaged page would be decoded into other values.
      ->enable_page_checksum()
      ->write_batch_size(kRowsBetweenSizeChecks);
  for (size_t column = 0; column < layout.modes.size(); ++column) {
    const std::string& name = layout.arrow_schema->field(static_cast<int>(column))->name();
    // Without bounds in the manifest none are wanted in the footer and the page index either: they
    // would hold long texts.
    if (!layout.modes[column].bounds) builder.disable_statistics(name);
    const auto values = sample.GetColumnByName(name);
    if (values == nullptr || !DictionaryPays(*values)) builder.disable_dictionary(name);
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
  OCTO_TRY(Guard(metadata.location, [&] {
    return ToStatus(
        parquet::arrow::ToParquetSchema(layout.arrow_schema.get(),
                                        *parquet::default_writer_properties(), &layout.descriptor),
        metadata.location);
  }));
  return layout;
}

DataFileWriter::DataFileWriter(std::unique_ptr<io::OutputFile> file, const FileLayout& layout)
    : file_(std::move(file)), layout_(layout), taken_over_(layout.schema.fields.size(), false) {}

DataFileWriter::~DataFileWriter() = default;

Result<std::unique_ptr<DataFileWriter>> DataFileWriter::Open(io::FileSystem& fs,
                                                             const std::string& location,
                                                             const FileLayout& layout,
                                                             const ::arrow::RecordBatch& sample) {
  OCTO_ASSIGN(auto file, fs.CreateNew(location));
  std::unique_ptr<DataFileWriter> result(new DataFileWriter(std::move(file), layout));
  OCTO_TRY(Guard(location, [&]() -> Status {
    result->output_ = std::make_unique<ParquetOutput>(
        MakeOutputStream(*result->file_), *layout.descriptor, MakeProperties(layout, sample));
    return {};
  }));
  return result;
}

void DataFileWriter::WriteColumn(int column, const ::arrow::Array& array) {
  const bool nullable = layout_.arrow_schema->field(column)->nullable();
  std::vector<int16_t> levels;  // 1 a value, 0 a NULL
  if (nullable) {
    levels.assign(static_cast<size_t>(array.length()), array.null_count() == 0 ? 1 : 0);
    if (array.null_count() > 0 && array.null_count() < array.length()) {
      for (int64_t row = 0; row < array.length(); ++row) {
        levels[static_cast<size_t>(row)] = array.IsValid(row) ? 1 : 0;
      }
    }
  }
  output_->Write(column, levels, array);
}

void DataFileWriter::BeginRowGroup() {
  output_->BeginRowGroup(taken_over_);
  counts_.emplace_back(taken_over_.size());
  group_rows_ = 0;
}

Status DataFileWriter::Write(const ::arrow::RecordBatch& batch) {
  if (batch.num_rows() == 0) return {};
  return Guard(file_->location(), [&]() -> Status {
    if (!output_->in_row_group()) BeginRowGroup();
    std::vector<size_t> columns;
    for (size_t column = 0; column < taken_over_.size(); ++column) {
      if (!taken_over_[column]) columns.push_back(column);
    }
    const auto write = [&](size_t i) {
      const ::arrow::Array& array = *batch.column(static_cast<int>(i));
      counts_.back().Add(columns[i], array);
      WriteColumn(static_cast<int>(columns[i]), array);
    };
    if (layout_.workers != nullptr) {
      layout_.workers->ForEach(columns.size(), write);
    } else {
      for (size_t i = 0; i < columns.size(); ++i) write(i);
    }
    rows_ += batch.num_rows();
    group_rows_ += batch.num_rows();
    return {};
  });
}

Status DataFileWriter::TakeOver(std::vector<bool> columns) {
  OCTO_TRY(EndRowGroup());
  taken_over_ = std::move(columns);
  return {};
}

Status DataFileWriter::AddPages(int column, ColumnPages pages, int64_t nulls) {
  return Guard(file_->location(), [&]() -> Status {
    if (!output_->in_row_group()) BeginRowGroup();
    counts_.back().nulls[static_cast<size_t>(column)] += nulls;
    output_->AddPages(column, std::move(pages));
    return {};
  });
}

Status DataFileWriter::EndRowGroup() {
  if (!output_->in_row_group()) return {};
  return Guard(file_->location(), [&]() -> Status {
    output_->EndRowGroup(group_rows_, layout_.workers.get());
    return {};
  });
}

int64_t DataFileWriter::buffered_bytes() const { return output_->buffered_bytes(); }

Result<iceberg::DataFile> DataFileWriter::Close() {
  const std::string& location = file_->location();
  iceberg::DataFile result;
  OCTO_TRY(EndRowGroup());
  OCTO_TRY(Guard(location, [&]() -> Status {
    const auto footer = output_->Close();
    return FillMetrics(*footer, layout_.schema, layout_.modes, counts_, result);
  }));
  OCTO_TRY(file_->Close());
  result.file_path = location;
  result.record_count = rows_;
  result.file_size_in_bytes = file_->size();
  return result;
}

}  // namespace octolake::datafile
