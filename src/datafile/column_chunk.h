// Where the pages of a column chunk lie, and of what kind they are. Internal to datafile/.
#pragma once

#include <parquet/properties.h>

#include <memory>
#include <string>

namespace arrow::io {
class InputStream;
class RandomAccessFile;
}  // namespace arrow::io

namespace parquet {
class ColumnChunkMetaData;
}

namespace octolake::datafile {

// Throws as Parquet does where something is wrong with a file's bytes.
[[noreturn]] void ThrowDamaged(const std::string& what);

bool HasOnlyPagesOfVersion1(const parquet::ColumnChunkMetaData& chunk);

// The chunk's pages, all at once or buffered as `properties` say. Throws what Parquet throws, also
// where `file` has no such bytes.
std::shared_ptr<arrow::io::InputStream> BytesOf(
    const parquet::ColumnChunkMetaData& chunk,
    const std::shared_ptr<arrow::io::RandomAccessFile>& file, parquet::ReaderProperties properties);

}  // namespace octolake::datafile
