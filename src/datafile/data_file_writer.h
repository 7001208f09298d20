// One Parquet data file, written row group by row group.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "datafile/column_metrics.h"
#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow
namespace parquet {
class ArrowWriterProperties;
class WriterProperties;
}  // namespace parquet
namespace parquet::arrow {
class FileWriter;
}

namespace octolake::datafile {

// What all data files of a table have in common.
struct FileLayout {
  iceberg::Schema schema;
  std::shared_ptr<::arrow::Schema> arrow_schema;
  std::vector<MetricsMode> modes;  // by column
  std::shared_ptr<parquet::WriterProperties> properties;
};

Result<FileLayout> MakeFileLayout(const iceberg::TableMetadata& metadata, int zstd_level);

// Used by one thread. The file is removed if it is not closed. After an error only the destructor
// may be called.
class DataFileWriter {
 public:
  // `layout` must outlive the writer.
  static Result<std::unique_ptr<DataFileWriter>> Open(io::FileSystem& fs,
                                                      const std::string& location,
                                                      const FileLayout& layout);
  ~DataFileWriter();

  // The batches, which have the layout's schema and at least one row in all, become one row group.
  Status WriteRowGroup(const std::vector<std::shared_ptr<::arrow::RecordBatch>>& batches);
  // Encoded so far.
  int64_t bytes() const { return file_->size(); }
  int64_t rows() const { return rows_; }
  // Makes the file durable. All but partition and spec_id of the result are filled in.
  Result<iceberg::DataFile> Close();

 private:
  DataFileWriter(std::unique_ptr<io::OutputFile> file, const FileLayout& layout);

  std::unique_ptr<io::OutputFile> file_;
  const FileLayout& layout_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  std::vector<RowGroupCounts> counts_;
  int64_t rows_ = 0;
};

}  // namespace octolake::datafile
