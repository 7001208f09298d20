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
#include "datafile/long_pages.h"
#include "datafile/zstd_pages.h"

namespace octolake::datafile {
namespace {

// Of a column, where other writers made its row groups: they may be as large as the file.
constexpr int64_t kReadAhead = int64_t{256} << 10;

parquet::ReaderProperties ByParts() {
  parquet::ReaderProperties properties = CheckedProperties();
  properties.enable_buffered_stream();
  properties.set_buffer_size(kReadAhead);
  return properties;
}

bool IsOwn(const ParquetBytes& file) { return file.reader->metadata()->created_by() == kCreatedBy; }

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

Result<ParquetBytes> ReadFooter(io::FileSystem& fs, const iceberg::DataFile& file) {
  OCTO_ASSIGN(auto input, OpenChecked(fs, file));
  ParquetBytes opened{&file, MakeRandomAccessFile(std::move(input)), nullptr};
  Status checked;
  OCTO_TRY(Guard(file.file_path, [&]() -> arrow::Status {
    if (file.file_size_in_bytes <= kReadAtOnce) {
      ARROW_ASSIGN_OR_RAISE(auto whole, opened.bytes->ReadAt(0, file.file_size_in_bytes));
      opened.bytes = std::make_shared<arrow::io::BufferReader>(std::move(whole));
    }
    opened.reader = parquet::ParquetFileReader::Open(opened.bytes, ByParts());
    checked = CheckFooter(*opened.reader->metadata(), file);
    return arrow::Status::OK();
  }));
  OCTO_TRY(checked);
  return opened;
}

bool CanBeJoined(const ParquetBytes& a, const ParquetBytes& b) {
  const auto is_small_own = [](const ParquetBytes& one) {
    return one.file->file_size_in_bytes <= kReadAtOnce && IsOwn(one);
  };
  return is_small_own(a) && is_small_own(b) &&
         a.reader->metadata()->schema()->Equals(*b.reader->metadata()->schema());
}

Result<ParquetInput> MakeInput(std::vector<ParquetBytes> files, int64_t batch_rows,
                               const ChooseProperties& choose) {
  ParquetInput input;
  for (const ParquetBytes& one : files) input.locations.push_back(one.file->file_path);
  input.reading = std::make_shared<size_t>(0);
  if (files.size() == 1) input.bytes = files.front().bytes;
  parquet::ArrowReaderProperties properties;
  properties.set_batch_size(batch_rows);
  properties.set_pre_buffer(false);
  if (choose) OCTO_TRY(choose(*files.front().reader->metadata()->schema(), properties));
  OCTO_TRY(Guard(input.locations.front(), [&]() -> arrow::Status {
    std::unique_ptr<parquet::ParquetFileReader> raw;
    // Whole columns of a row group are read for files of ours, which have row groups of at most
    // 128 MiB before compression.
    if (IsOwn(files.front())) {
      std::vector<OwnFile> own;
      for (ParquetBytes& one : files) own.push_back({std::move(one.reader), std::move(one.bytes)});
      raw = WithKeptContext(std::move(own), CheckedProperties(), input.reading);
    } else {
      raw = WithLongPagesInParts(std::move(files.front().reader), input.bytes, ByParts());
    }
    ARROW_ASSIGN_OR_RAISE(input.file, parquet::arrow::FileReader::Make(arrow::default_memory_pool(),
                                                                       std::move(raw), properties));
    return arrow::Status::OK();
  }));
  return input;
}

Result<ParquetInput> OpenParquet(io::FileSystem& fs, const iceberg::DataFile& file,
                                 int64_t batch_rows, const ChooseProperties& choose) {
  std::vector<ParquetBytes> files;
  OCTO_ASSIGN(files.emplace_back(), ReadFooter(fs, file));
  return MakeInput(std::move(files), batch_rows, choose);
}

}  // namespace octolake::datafile
