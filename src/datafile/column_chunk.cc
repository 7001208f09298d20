#include "datafile/column_chunk.h"

#include <arrow/io/interfaces.h>
#include <arrow/status.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>

#include <algorithm>

namespace octolake::datafile {

void ThrowDamaged(const std::string& what) {
  throw parquet::ParquetStatusException(arrow::Status::IOError(what));
}

bool HasOnlyPagesOfVersion1(const parquet::ColumnChunkMetaData& chunk) {
  const auto& kinds = chunk.encoding_stats();
  return !kinds.empty() && std::all_of(kinds.begin(), kinds.end(), [](const auto& kind) {
    return kind.page_type == parquet::PageType::DATA_PAGE ||
           kind.page_type == parquet::PageType::DICTIONARY_PAGE;
  });
}

std::shared_ptr<arrow::io::InputStream> BytesOf(
    const parquet::ColumnChunkMetaData& chunk,
    const std::shared_ptr<arrow::io::RandomAccessFile>& file,
    parquet::ReaderProperties properties) {
  int64_t begin = chunk.data_page_offset();
  const int64_t dictionary = chunk.dictionary_page_offset();
  if (chunk.has_dictionary_page() && dictionary > 0) begin = std::min(begin, dictionary);
  const int64_t length = chunk.total_compressed_size();
  PARQUET_ASSIGN_OR_THROW(const int64_t file_bytes, file->GetSize());
  if (begin < 0 || length < 0 || begin > file_bytes || length > file_bytes - begin) {
    ThrowDamaged("a column of " + std::to_string(length) + " bytes at byte " +
                 std::to_string(begin) + " of " + std::to_string(file_bytes));
  }
  return properties.GetStream(file, begin, length);
}

}  // namespace octolake::datafile
