// Whether a data file is what its manifest says. All errors about the file are kCorruption, name it
// and say what was expected and what was found.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "io/file_system.h"

namespace parquet {
class FileMetaData;
}

namespace octolake::datafile {

// That it is there and as long as the manifest says.
Status CheckFileSize(io::FileSystem& fs, const iceberg::DataFile& file);
// The same, and opens it.
Result<std::unique_ptr<io::InputFile>> OpenChecked(io::FileSystem& fs,
                                                   const iceberg::DataFile& file);

// That it has as many rows as the manifest says, in its footer and in its row groups together, and
// the columns of which the manifest gives a size (by field id). Throws what Parquet throws.
Status CheckFooter(const parquet::FileMetaData& footer, const iceberg::DataFile& file);

struct PageCounts {
  int64_t pages = 0;
  int64_t without_checksum = 0;  // of other writers; nothing can be said of those
};

// Reads the whole file, in bounded memory, without decompressing: size, footer, and that every page
// has the checksum that stands in its header. DuckDB does not look at it.
Result<PageCounts> CheckPages(io::FileSystem& fs, const iceberg::DataFile& file);

}  // namespace octolake::datafile
