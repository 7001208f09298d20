// Parquet files as tests read them.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/result.h>
#include <arrow/table.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <memory>
#include <utility>

namespace octolake::datafile {

// Throws what Parquet throws, or returns its error.
inline arrow::Result<std::shared_ptr<arrow::Table>> ReadAll(
    std::unique_ptr<parquet::ParquetFileReader> file) {
  parquet::ArrowReaderProperties properties;
  properties.set_pre_buffer(false);
  ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::FileReader::Make(arrow::default_memory_pool(),
                                                                      std::move(file), properties));
  return reader->ReadTable();
}

}  // namespace octolake::datafile
