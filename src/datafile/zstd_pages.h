// Pages of zstd column chunks, decompressed with a context that each thread keeps. Arrow makes one
// for every page, which for the short pages of small files is a quarter of the work of reading
// them. Internal to datafile/.
#pragma once

#include <parquet/file_reader.h>

#include <memory>

namespace arrow::io {
class RandomAccessFile;
}

namespace octolake::datafile {

// Reads what `file` reads, which was opened on `bytes` and written by octolake: its dictionaries
// say how long they are. Column chunks of other codecs, or with other pages than those of version
// 1, are left to `file`. The result throws what Parquet throws. Whoever reads it must not ask for
// its columns ahead (ArrowReaderProperties::set_pre_buffer(false)): Parquet does that for its own
// contents alone, and takes any others for them.
std::unique_ptr<parquet::ParquetFileReader> WithKeptContext(
    std::unique_ptr<parquet::ParquetFileReader> file,
    std::shared_ptr<arrow::io::RandomAccessFile> bytes,
    const parquet::ReaderProperties& properties);

}  // namespace octolake::datafile
