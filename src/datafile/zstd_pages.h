// Pages of zstd column chunks, decompressed with a context that each thread keeps. Arrow makes one
// for every page, which for the short pages of small files is a quarter of the work of reading
// them. Internal to datafile/.
#pragma once

#include <parquet/file_reader.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace arrow::io {
class RandomAccessFile;
}

namespace octolake::datafile {

// A file of octolake's, whose dictionaries say how long they are.
struct OwnFile {
  std::unique_ptr<parquet::ParquetFileReader> reader;  // opened on `bytes`
  std::shared_ptr<arrow::io::RandomAccessFile> bytes;
};

// Reads files of one schema (SchemaDescriptor::Equals) as if they were one, with the row groups of
// all of them; at least one. Column chunks of other codecs, or with other pages than those of
// version 1, are left to the file's reader; no chunk gives fewer values, or more, than its file
// says, which would move those of the next file to other rows. `*reading` becomes the place in the
// list of the file that is read from. The result throws what Parquet throws. Whoever reads it must
// not ask for its columns ahead (ArrowReaderProperties::set_pre_buffer(false)): Parquet does that
// for its own contents alone, and takes any others for them.
std::unique_ptr<parquet::ParquetFileReader> WithKeptContext(
    std::vector<OwnFile> files, const parquet::ReaderProperties& properties,
    std::shared_ptr<size_t> reading);

}  // namespace octolake::datafile
