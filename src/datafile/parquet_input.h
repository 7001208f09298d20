// A Parquet file of a table, opened with its page checksums checked, and what its errors become.
// Internal to datafile/.
#pragma once

#include <arrow/status.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/properties.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "io/file_system.h"

namespace arrow::io {
class RandomAccessFile;
}

namespace octolake::datafile {

// What is wrong with a file's bytes is kCorruption; errors of the file system stay what they are.
Status AboutFile(const arrow::Status& status, const std::string& location);

// What a file's columns ask for, told before it is read.
using ChooseProperties =
    std::function<Status(const parquet::SchemaDescriptor&, parquet::ArrowReaderProperties&)>;

// A file whose footer has been read.
struct ParquetBytes {
  const iceberg::DataFile* file = nullptr;             // as its manifest says
  std::shared_ptr<arrow::io::RandomAccessFile> bytes;  // all of them, if they are few
  std::unique_ptr<parquet::ParquetFileReader> reader;
};

struct ParquetInput {
  std::shared_ptr<arrow::io::RandomAccessFile> bytes;  // those that `file` reads; null of several
  std::unique_ptr<parquet::arrow::FileReader> file;
  std::vector<std::string> locations;  // of the files that it reads, one behind the other
  std::shared_ptr<size_t> reading;     // the place among them of the one that it reads from

  const std::string& location() const { return locations[*reading]; }
};

// Of errors: the file, or the one of several that is read from by then.
inline const std::string& LocationOf(const std::string& location) { return location; }
inline const std::string& LocationOf(const ParquetInput& input) { return input.location(); }

// Parquet throws where Arrow returns a Status. What it throws is about the file's bytes.
template <typename Place, typename Function>
Status Guard(const Place& place, Function function) {
  try {
    const arrow::Status status = function();
    return status.ok() ? Status() : AboutFile(status, LocationOf(place));
  } catch (const parquet::ParquetStatusException& error) {
    return AboutFile(error.status(), LocationOf(place));
  } catch (const std::exception& error) {
    return MakeError(ErrorKind::kCorruption,
                     LocationOf(place) + " is no readable Parquet file: " + error.what());
  }
}

// How all pages are read: with their checksums compared.
parquet::ReaderProperties CheckedProperties();

// Files of at most so many bytes are read at once: Arrow reads the last 64 KiB for the footer, and
// the rest of a small file costs less than a call for each of its columns.
inline constexpr int64_t kReadAtOnce = int64_t{256} << 10;

// The file is as its manifest says (file_check.h), and outlives the result.
Result<ParquetBytes> ReadFooter(io::FileSystem& fs, const iceberg::DataFile& file);

// Whether the two can be decoded as one: both are small, octolake's, and of one schema.
bool CanBeJoined(const ParquetBytes& a, const ParquetBytes& b);

// Of a file, or of several of which each can be joined with the first. Of large ones nothing is
// read ahead.
Result<ParquetInput> MakeInput(std::vector<ParquetBytes> files, int64_t batch_rows,
                               const ChooseProperties& choose = {});

// Of one file.
Result<ParquetInput> OpenParquet(io::FileSystem& fs, const iceberg::DataFile& file,
                                 int64_t batch_rows, const ChooseProperties& choose = {});

}  // namespace octolake::datafile
