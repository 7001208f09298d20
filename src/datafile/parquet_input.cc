#include "datafile/parquet_input.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <utility>

#include "datafile/arrow_files.h"
#include "datafile/arrow_status.h"
#include "datafile/data_file_writer.h"
#include "datafile/file_check.h"
#include "datafile/zstd_pages.h"

namespace octolake::datafile {
namespace {

// Arrow reads the last 64 KiB for the footer: the rest of a small file costs less than a call for
// each of its columns.
constexpr int64_t kReadAtOnce = int64_t{256} << 10;
// Of a column, where other writers made its row groups: they may be as large as the file.
constexpr int64_t kReadAhead = int64_t{256} << 10;

}  // namespace

Status AboutFile(const arrow::Status& status, const std::string& location) {
  // What is wrong with the bytes is an IOError to Parquet; errors of the file system carry ours.
  if (status.IsIOError() && CarriedError(status) == nullptr) {
    return MakeError(ErrorKind::kCorruption,
                     "data file " + location + " is damaged: " + status.message());
  }
  return ToStatus(status, location);
}

parquet::ReaderProperties CheckedProperties() {
  parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(true);
  return properties;
}

Result<ParquetInput> OpenParquet(io::FileSystem& fs, const iceberg::DataFile& file,
                                 int64_t batch_rows, const ChooseProperties& choose) {
  OCTO_ASSIGN(auto input, OpenChecked(fs, file));
  ParquetInput opened{MakeRandomAccessFile(std::move(input)), nullptr};
  std::unique_ptr<parquet::ParquetFileReader> raw;
  OCTO_TRY(Guard(file.file_path, [&]() -> arrow::Status {
    if (file.file_size_in_bytes <= kReadAtOnce) {
      ARROW_ASSIGN_OR_RAISE(auto whole, opened.bytes->ReadAt(0, file.file_size_in_bytes));
      opened.bytes = std::make_shared<arrow::io::BufferReader>(std::move(whole));
    }
    // Whole columns of a row group are read for a file of ours, which has row groups of at most
    // 128 MiB before compression.
    parquet::ReaderProperties by_parts = CheckedProperties();
    by_parts.enable_buffered_stream();
    by_parts.set_buffer_size(kReadAhead);
    raw = parquet::ParquetFileReader::Open(opened.bytes, by_parts);
    if (raw->metadata()->created_by() == kCreatedBy) {
      raw = WithKeptContext(std::move(raw), opened.bytes, CheckedProperties());
    }
    return arrow::Status::OK();
  }));
  const auto footer = raw->metadata();
  OCTO_TRY(CheckFooter(*footer, file));
  parquet::ArrowReaderProperties properties;
  properties.set_batch_size(batch_rows);
  properties.set_pre_buffer(false);
  if (choose) OCTO_TRY(choose(*footer->schema(), properties));
  OCTO_TRY(Guard(file.file_path, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(
        opened.file,
        parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(raw), properties));
    return arrow::Status::OK();
  }));
  return opened;
}

}  // namespace octolake::datafile
