// Parquet files as other programs write them: any columns, field ids and row groups.
#pragma once

#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <filesystem>
#include <string>
#include <vector>

#include "iceberg/data_file.h"
#include "iceberg/delete_files.h"
#include "io/local_file_system.h"

namespace octolake::datafile {

struct ForeignFileOptions {
  int64_t row_group_rows = 1000;
  bool dictionary = true;
};

// The columns get these field ids; 0 is none. The result has path, size and number of rows.
inline iceberg::DataFile WriteForeignFile(const std::string& path, const arrow::RecordBatch& batch,
                                          const std::vector<int>& ids,
                                          const ForeignFileOptions& options = {}) {
  arrow::FieldVector fields;
  for (int column = 0; column < batch.num_columns(); ++column) {
    auto field = batch.schema()->field(column);
    const int id = ids[static_cast<size_t>(column)];
    if (id > 0) {
      field = field->WithMetadata(
          arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)}));
    }
    fields.push_back(field);
  }
  const auto with_ids =
      arrow::RecordBatch::Make(arrow::schema(fields), batch.num_rows(), batch.columns());
  const auto rows = arrow::Table::FromRecordBatches({with_ids}).ValueOrDie();
  auto sink = arrow::io::FileOutputStream::Open(path).ValueOrDie();
  parquet::WriterProperties::Builder properties;
  if (!options.dictionary) properties.disable_dictionary();
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  EXPECT_TRUE(parquet::arrow::WriteTable(*rows, arrow::default_memory_pool(), sink,
                                         options.row_group_rows, properties.build(),
                                         arrow_properties)
                  .ok());
  EXPECT_TRUE(sink->Close().ok());
  iceberg::DataFile file;
  file.file_path = io::FileLocation(path);
  file.record_count = batch.num_rows();
  file.file_size_in_bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  return file;
}

// A row of a data file that is to be deleted.
struct DeletedRow {
  std::string file_path;
  int64_t pos = 0;
};

inline iceberg::DataFile WritePositionDeletes(const std::string& path,
                                              const std::vector<DeletedRow>& rows,
                                              const ForeignFileOptions& options = {}) {
  arrow::StringBuilder paths;
  arrow::Int64Builder positions;
  for (const DeletedRow& row : rows) {
    EXPECT_TRUE(paths.Append(row.file_path).ok());
    EXPECT_TRUE(positions.Append(row.pos).ok());
  }
  const arrow::ArrayVector columns = {paths.Finish().ValueOrDie(), positions.Finish().ValueOrDie()};
  const auto schema = arrow::schema(
      {arrow::field("file_path", arrow::utf8()), arrow::field("pos", arrow::int64())});
  auto file = WriteForeignFile(
      path, *arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()), columns),
      {iceberg::kDeleteFilePathId, iceberg::kDeletePosId}, options);
  file.content = iceberg::FileContent::kPositionDeletes;
  return file;
}

}  // namespace octolake::datafile
