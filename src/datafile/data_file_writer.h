// One Parquet data file. Rows are encoded and compressed as they come, so that a row group takes no
// more memory than it will on disk, and what is written is still in the processor's cache.
#pragma once

#include <arrow/util/type_fwd.h>

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
class Array;
class RecordBatch;
class Schema;
}  // namespace arrow
namespace parquet {
class SchemaDescriptor;
}

namespace octolake {
class WorkerPool;
}

namespace octolake::datafile {

struct ColumnPages;
class ParquetOutput;

// What footers of our files say of who wrote them, and how pages are laid out. In the form that
// Java's reader expects: it does not trust the statistics of others.
inline constexpr char kCreatedBy[] = "octolake version 0.1.0";
inline constexpr auto kCodec = ::arrow::Compression::ZSTD;

// What all data files of a table have in common.
struct FileLayout {
  iceberg::Schema schema;
  std::shared_ptr<::arrow::Schema> arrow_schema;
  std::vector<MetricsMode> modes;  // by column
  std::shared_ptr<parquet::SchemaDescriptor> descriptor;
  int zstd_level = 1;
  std::shared_ptr<WorkerPool> workers;  // that encode the columns; null: the caller's thread
};

Result<FileLayout> MakeFileLayout(const iceberg::TableMetadata& metadata, int zstd_level);

// Used by one thread. The file is removed if it is not closed. After an error only the destructor
// may be called.
class DataFileWriter {
 public:
  // `layout` must outlive the writer. `sample` are the first rows: they tell which columns repeat
  // their values, so that a dictionary pays; columns to be taken over may be missing.
  static Result<std::unique_ptr<DataFileWriter>> Open(io::FileSystem& fs,
                                                      const std::string& location,
                                                      const FileLayout& layout,
                                                      const ::arrow::RecordBatch& sample);
  ~DataFileWriter();

  // Adds rows to the open row group, or begins one. The batch has the layout's schema.
  Status Write(const ::arrow::RecordBatch& batch);
  // Columns (by their place in the layout) whose values come as pages of other files from now on,
  // in AddPages; the batches of Write have the others only. Ends the row group.
  Status TakeOver(std::vector<bool> columns);
  // Pages of a column that is taken over, for the open row group or a new one, with so many NULLs.
  // The column has no bounds in the layout.
  Status AddPages(int column, ColumnPages pages, int64_t nulls);
  // Writes the open row group, if there is one, to the file.
  Status EndRowGroup();

  int64_t rows() const { return rows_; }
  int64_t bytes() const { return file_->size(); }  // in the file so far
  // Memory of the open row group, encoded or on its way there; 0 without one.
  int64_t buffered_bytes() const;

  // Makes the file durable. All but partition and spec_id of the result are filled in.
  Result<iceberg::DataFile> Close();

 private:
  DataFileWriter(std::unique_ptr<io::OutputFile> file, const FileLayout& layout);
  void BeginRowGroup();
  void WriteColumn(int column, const ::arrow::Array& array);

  std::unique_ptr<io::OutputFile> file_;
  const FileLayout& layout_;
  std::unique_ptr<ParquetOutput> output_;
  std::vector<bool> taken_over_;  // by column
  std::vector<RowGroupCounts> counts_;
  int64_t rows_ = 0;
  int64_t group_rows_ = 0;  // in the open row group
};

}  // namespace octolake::datafile
