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

Result<std::unique_ptr<parquet::arrow::FileReader>> OpenParquet(io::FileSystem& fs,
                                                                const iceberg::DataFile& file,
                                                                int64_t batch_rows,
                                                                const ChooseProperties& choose) {
  OCTO_ASSIGN(auto input, OpenChecked(fs, file));
  parquet::arrow::FileReaderBuilder builder;
  OCTO_TRY(Guard(file.file_path, [&] {
    parquet::ReaderProperties checked;
    checked.set_page_checksum_verification(true);
    return builder.Open(MakeRandomAccessFile(std::move(input)), checked);
  }));
  const auto footer = builder.raw_reader()->metadata();
  OCTO_TRY(CheckFooter(*footer, file));
  parquet::ArrowReaderProperties properties;
  properties.set_batch_size(batch_rows);
  properties.set_pre_buffer(false);
  if (choose) OCTO_TRY(choose(*footer->schema(), properties));
  std::unique_ptr<parquet::arrow::FileReader> reader;
  OCTO_TRY(Guard(file.file_path, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(reader, builder.properties(properties)->Build());
    return arrow::Status::OK();
  }));
  return reader;
}

}  // namespace octolake::datafile
