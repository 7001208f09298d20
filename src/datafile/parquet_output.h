// A Parquet file that is being written: its columns are encoded from values, or taken over from
// other files page by page, as they are. Throws what Parquet throws. Internal to datafile/.
#pragma once

#include <parquet/column_page.h>
#include <parquet/column_writer.h>
#include <parquet/metadata.h>
#include <parquet/page_index.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace arrow {
class Array;
namespace io {
class OutputStream;
}
}  // namespace arrow

namespace octolake {
class WorkerPool;
}

namespace octolake::datafile {

// Data pages of one column, compressed by the codec that the file has for it, none of which needs a
// dictionary. Values are not looked at.
struct ColumnPages {
  std::vector<std::shared_ptr<parquet::DataPageV1>> pages;
  int64_t rows = 0;   // of a column that is not nested: its values, with NULLs
  int64_t bytes = 0;  // compressed
};

class TextPages;

// Used by one thread; Write by several, for a column each.
class ParquetOutput {
 public:
  ParquetOutput(std::shared_ptr<arrow::io::OutputStream> sink,
                const parquet::SchemaDescriptor& schema,  // must outlive the output
                std::shared_ptr<parquet::WriterProperties> properties);
  ~ParquetOutput();

  int num_columns() const { return schema_.num_columns(); }
  bool in_row_group() const { return row_group_ != nullptr; }
  // For the columns that are named here pages come, for the others values.
  void BeginRowGroup(const std::vector<bool>& taken_over);
  // Values of such a column, with a level each if it is optional: 1 a value, 0 a NULL.
  void Write(int column, const std::vector<int16_t>& levels, const arrow::Array& values);
  // They go to the file when the row group ends.
  void AddPages(int column, ColumnPages pages);
  // All columns have so many rows by now. What is left to be compressed, dictionaries above all, is
  // by the workers, or the calling thread without them.
  void EndRowGroup(int64_t rows, WorkerPool* workers);
  // Of the open row group: encoded or on its way there.
  int64_t buffered_bytes() const;

  std::unique_ptr<parquet::FileMetaData> Close();

 private:
  struct Column {
    parquet::ColumnChunkMetaDataBuilder* metadata = nullptr;
    // Of values: one of the two. Neither if pages are taken over.
    std::shared_ptr<parquet::ColumnWriter> writer;
    std::unique_ptr<TextPages> texts;
    ColumnPages pages;
  };

  class Turns;
  class SinkInTurn;

  bool IsLongText(int column) const;
  // Returns its bytes in the file.
  int64_t EndColumn(int column, int64_t rows);
  std::unique_ptr<parquet::PageWriter> OpenPages(int column,
                                                 parquet::ColumnChunkMetaDataBuilder* metadata,
                                                 bool buffered);
  int64_t WritePages(int column, parquet::ColumnChunkMetaDataBuilder* metadata, ColumnPages pages);

  const std::shared_ptr<arrow::io::OutputStream> sink_;
  const parquet::SchemaDescriptor& schema_;
  const std::shared_ptr<parquet::WriterProperties> properties_;
  std::unique_ptr<parquet::FileMetaDataBuilder> metadata_;
  std::unique_ptr<parquet::PageIndexBuilder> page_index_;
  parquet::RowGroupMetaDataBuilder* row_group_ = nullptr;  // that of metadata_
  int16_t row_group_number_ = -1;
  std::vector<Column> columns_;   // of the open row group
  std::shared_ptr<Turns> turns_;  // of its columns
};

}  // namespace octolake::datafile
