#include "datafile/parquet_input.h"

#include <arrow/io/interfaces.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <utility>

#include "datafile/arrow_files.h"
#include "datafile/arrow_status.h"
#include "datafile/file_check.h"

namespace octolake::datafile {

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
  parquet::arrow::FileReaderBuilder builder;
  OCTO_TRY(Guard(file.file_path, [&] { return builder.Open(opened.bytes, CheckedProperties()); }));
  const auto footer = builder.raw_reader()->metadata();
  OCTO_TRY(CheckFooter(*footer, file));
  parquet::ArrowReaderProperties properties;
  properties.set_batch_size(batch_rows);
  properties.set_pre_buffer(false);
  if (choose) OCTO_TRY(choose(*footer->schema(), properties));
  OCTO_TRY(Guard(file.file_path, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(opened.file, builder.properties(properties)->Build());
    return arrow::Status::OK();
  }));
  return opened;
}

}  // namespace octolake::datafile
