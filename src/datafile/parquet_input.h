// A Parquet file of a table, opened with its page checksums checked, and what its errors become.
// Internal to datafile/.
#pragma once

#include <arrow/status.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/properties.h>

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "io/file_system.h"

namespace arrow::io {
class RandomAccessFile;
}

namespace octolake::datafile {

// What is wrong with a file's bytes is kCorruption; errors of the file system stay what they are.
Status AboutFile(const arrow::Status& status, const std::string& location);

// Parquet throws where Arrow returns a Status. What it throws is about the file's bytes.
template <typename Function>
Status Guard(const std::string& location, Function function) {
  try {
    return AboutFile(function(), location);
  } catch (const parquet::ParquetStatusException& error) {
    return AboutFile(error.status(), location);
  } catch (const std::exception& error) {
    return MakeError(ErrorKind::kCorruption,
                     location + " is no readable Parquet file: " + error.what());
  }
}

// What a file's columns ask for, told before it is read.
using ChooseProperties =
    std::function<Status(const parquet::SchemaDescriptor&, parquet::ArrowReaderProperties&)>;

struct ParquetInput {
  std::shared_ptr<arrow::io::RandomAccessFile> bytes;  // those that `file` reads
  std::unique_ptr<parquet::arrow::FileReader> file;
};

// How all pages are read: with their checksums compared.
parquet::ReaderProperties CheckedProperties();

// The file is as its manifest says (file_check.h). A small one is read at once, of others nothing
// is read ahead.
Result<ParquetInput> OpenParquet(io::FileSystem& fs, const iceberg::DataFile& file,
                                 int64_t batch_rows, const ChooseProperties& choose = {});

}  // namespace octolake::datafile
