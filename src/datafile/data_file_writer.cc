#include "datafile/data_file_writer.h"

#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <limits>
#include <utility>

#include "datafile/arrow_files.h"
#include "datafile/arrow_schema.h"
#include "datafile/arrow_status.h"

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

std::shared_ptr<parquet::WriterProperties> MakeProperties(const ::arrow::Schema& schema,
                                                          const std::vector<MetricsMode>& modes,
                                                          int zstd_level) {
  parquet::WriterProperties::Builder builder;
  builder.created_by("octolake")
      ->compression(parquet::Compression::ZSTD)
      ->compression_level(zstd_level)
      // A row group ends where DataFileWriter ends it, nowhere else.
      ->max_row_group_length(std::numeric_limits<int64_t>::max());
  for (size_t column = 0; column < modes.size(); ++column) {
    // Without bounds in the manifest none are wanted in the footer and the page index either: they
    // would hold long texts.
    if (!modes[column].bounds) {
      builder.disable_statistics(schema.field(static_cast<int>(column))->name());
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
  layout.properties = MakeProperties(*layout.arrow_schema, layout.modes, zstd_level);
  return layout;
}

DataFileWriter::DataFileWriter(std::unique_ptr<io::OutputFile> file, const FileLayout& layout)
    : file_(std::move(file)), layout_(layout) {}

DataFileWriter::~DataFileWriter() = default;

Result<std::unique_ptr<DataFileWriter>> DataFileWriter::Open(io::FileSystem& fs,
                                                             const std::string& location,
                                                             const FileLayout& layout) {
  OCTO_ASSIGN(auto file, fs.CreateNew(location));
  std::unique_ptr<DataFileWriter> result(new DataFileWriter(std::move(file), layout));
  OCTO_TRY(Guard(location, [&]() -> Status {
    OCTO_ASSIGN(result->writer_, ToResult(parquet::arrow::FileWriter::Open(
                                              *layout.arrow_schema, ::arrow::default_memory_pool(),
                                              MakeOutputStream(*result->file_), layout.properties),
                                          location));
    return {};
  }));
  return result;
}

Status DataFileWriter::WriteRowGroup(
    const std::vector<std::shared_ptr<::arrow::RecordBatch>>& batches) {
  const std::string& location = file_->location();
  RowGroupCounts counts;
  for (const auto& batch : batches) counts.Add(*batch);
  return Guard(location, [&]() -> Status {
    OCTO_ASSIGN(
        auto table,
        ToResult(::arrow::Table::FromRecordBatches(layout_.arrow_schema, batches), location));
    OCTO_TRY(ToStatus(writer_->WriteTable(*table, table->num_rows()), location));
    counts_.push_back(std::move(counts));
    rows_ += table->num_rows();
    return {};
  });
}

Result<iceberg::DataFile> DataFileWriter::Close() {
  const std::string& location = file_->location();
  iceberg::DataFile result;
  auto written = Guard(location, [&] { return ToStatus(writer_->Close(), location); });
  OCTO_TRY(std::move(written));
  auto filled = Guard(location, [&] {
    return FillMetrics(*writer_->metadata(), layout_.schema, layout_.modes, counts_, result);
  });
  OCTO_TRY(std::move(filled));
  OCTO_TRY(file_->Close());
  result.file_path = location;
  result.record_count = rows_;
  result.file_size_in_bytes = file_->size();
  return result;
}

}  // namespace octolake::datafile
