// A data file of ours whose rows go into another file of the same table: long columns as the pages
// that they are, without being decompressed, the others as values. Internal to datafile/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "datafile/data_file_writer.h"
#include "datafile/file_reader.h"
#include "datafile/parquet_input.h"
#include "datafile/parquet_output.h"
#include "iceberg/data_file.h"
#include "io/file_system.h"

namespace octolake::datafile {

class PageSource {
 public:
  // `layout`, that of the files to be written, must outlive it. Errors as those of OpenDataFile.
  static Result<PageSource> Open(io::FileSystem& fs, const iceberg::DataFile& file,
                                 const FileLayout& layout);

  const std::string& location() const { return file_->file_path; }
  int row_groups() const { return static_cast<int>(groups_.size()); }
  int64_t rows(int group) const { return groups_[static_cast<size_t>(group)].rows; }
  // Of all columns, before compression.
  int64_t raw_bytes(int group) const { return groups_[static_cast<size_t>(group)].raw_bytes; }

  // By column of the layout: whether its pages can stand in a file of the layout. They were written
  // by octolake (so that they have checksums), have the column's type and codec, and need no
  // dictionary; the layout wants no bounds of the column, and its NULLs are counted. Numbers with a
  // fraction are not among them: somebody has to look for NaN.
  const std::vector<bool>& transferable() const { return transferable_; }
  // Of such a column. Checksums are compared.
  Result<ColumnPages> Pages(int group, size_t column) const;
  // NULLs of such a column in the whole file.
  int64_t nulls(size_t column) const;
  // The other columns, row group by row group, in batches of about 1 MiB or less. Call once, after
  // all else but Pages.
  Result<std::unique_ptr<BatchReader>> Others(const std::vector<bool>& taken_over);

 private:
  struct Group {
    int64_t rows = 0;
    int64_t raw_bytes = 0;
  };

  PageSource(const iceberg::DataFile& file, const FileLayout& layout)
      : file_(&file), layout_(&layout) {}

  // Of these the caller catches what Parquet throws.
  void ReadFooter();
  int64_t RowsOfABatch(const std::vector<bool>& taken_over) const;

  // The column's place in the file; -1 if it is not there.
  int LeafOf(size_t column) const;
  bool IsTransferable(size_t column, int leaf) const;

  const iceberg::DataFile* file_;
  const FileLayout* layout_;
  ParquetInput input_;
  std::shared_ptr<parquet::FileMetaData> footer_;
  std::vector<Group> groups_;
  std::vector<bool> transferable_;
};

}  // namespace octolake::datafile
