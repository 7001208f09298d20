// Columns of texts that other writers have put into long pages, read part by part (text_parts.h).
// Internal to datafile/.
#pragma once

#include <parquet/file_reader.h>

#include <memory>

namespace arrow::io {
class RandomAccessFile;
}

namespace octolake::datafile {

// Reads what `file` reads, which was opened on `bytes`, as `properties` say. What cannot have long
// pages of texts in zstd is left to `file`. The result throws what Parquet throws. Whoever reads it
// must not ask for its columns ahead (ArrowReaderProperties::set_pre_buffer(false)): Parquet does
// that for its own contents alone, and takes any others for them.
std::unique_ptr<parquet::ParquetFileReader> WithLongPagesInParts(
    std::unique_ptr<parquet::ParquetFileReader> file,
    std::shared_ptr<arrow::io::RandomAccessFile> bytes,
    const parquet::ReaderProperties& properties);

}  // namespace octolake::datafile
