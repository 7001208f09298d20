// A table in a temporary directory, for tests of rooms that write or read data files.
#pragma once

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/temp_directory_for_test.h"
#include "datafile/arrow_schema.h"
#include "datafile/file_reader.h"
#include "datafile/table_writer.h"
#include "iceberg/table_metadata.h"
#include "io/local_file_system.h"

namespace octolake::datafile {

struct TestColumn {
  std::string name;
  std::shared_ptr<arrow::DataType> type;
  std::string json;  // an array
};

inline std::shared_ptr<arrow::RecordBatch> MakeBatch(const std::vector<TestColumn>& columns) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& column : columns) {
    fields.push_back(arrow::field(column.name, column.type));
    arrays.push_back(arrow::json::ArrayFromJSONString(column.type, column.json).ValueOrDie());
  }
  const int64_t rows = arrays.empty() ? 0 : arrays.front()->length();
  return arrow::RecordBatch::Make(arrow::schema(fields), rows, arrays);
}

inline iceberg::TypePtr MakeType(iceberg::TypeId id, int32_t precision = 0, int32_t scale = 0) {
  return std::make_shared<const iceberg::Type>(
      iceberg::Type{.id = id, .precision = precision, .scale = scale, .fields = {}});
}

class TestTable {
 public:
  explicit TestTable(std::vector<iceberg::Field> fields,
                     std::vector<iceberg::PartitionField> partition = {},
                     const std::string& subdirectory = "table") {
    metadata_.location = io::FileLocation(directory() + "/" + subdirectory);
    metadata_.schemas.push_back(
        {.schema_id = 0, .fields = std::move(fields), .identifier_field_ids = {}});
    metadata_.partition_specs.push_back({.spec_id = 0, .fields = std::move(partition)});
  }
  TestTable(const TestTable&) = delete;
  TestTable& operator=(const TestTable&) = delete;

  io::FileSystem& fs() { return *fs_; }
  const std::string& directory() const { return temp_.path(); }
  iceberg::TableMetadata& metadata() { return metadata_; }
  const iceberg::Schema& schema() const { return metadata_.CurrentSchema(); }

  std::unique_ptr<TableWriter> Writer(const WriterOptions& options = {}) {
    auto writer = MakeTableWriter(*fs_, random_, metadata_, options);
    EXPECT_TRUE(writer) << writer.error().message;
    return writer ? std::move(*writer) : nullptr;
  }

  std::vector<iceberg::DataFile> Write(
      const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
      const WriterOptions& options = {}) {
    auto writer = Writer(options);
    for (const auto& batch : batches) {
      auto status = writer->Write(*batch);
      EXPECT_TRUE(status) << status.error().message;
    }
    auto files = writer->Finish();
    EXPECT_TRUE(files) << files.error().message;
    return files ? *files : std::vector<iceberg::DataFile>{};
  }

  // All rows of the files in the columns of `projection`.
  std::shared_ptr<arrow::Table> Read(const std::vector<iceberg::DataFile>& files,
                                     const iceberg::Schema& projection,
                                     const ReadFileOptions& options = {}) {
    arrow::RecordBatchVector batches;
    for (const auto& file : files) {
      auto reader = OpenDataFile(*fs_, file, projection, options);
      EXPECT_TRUE(reader) << reader.error().message;
      while (reader) {
        auto batch = (*reader)->Next();
        EXPECT_TRUE(batch) << batch.error().message;
        if (!batch || *batch == nullptr) break;
        EXPECT_LE((*batch)->num_rows(), options.batch_rows);
        batches.push_back(*batch);
      }
    }
    auto schema = ToArrowSchema(projection);
    return arrow::Table::FromRecordBatches(*schema, batches).ValueOrDie();
  }

  std::vector<std::string> FilesOnDisk() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory())) {
      if (entry.is_regular_file()) names.push_back(entry.path().string());
    }
    return names;
  }

 private:
  std::unique_ptr<io::FileSystem> fs_ = io::MakeLocalFileSystem();
  SeededRandom random_{7};
  const TempDirectory temp_;
  iceberg::TableMetadata metadata_;
};

// Column `name` of a table as a JSON-like text, NULLs as null.
inline std::string ColumnText(const arrow::Table& table, const std::string& name) {
  auto column = table.GetColumnByName(name);
  if (column == nullptr) return "no column";
  std::string text;
  for (int64_t row = 0; row < column->length(); ++row) {
    text += (row > 0 ? "," : "") + column->GetScalar(row).ValueOrDie()->ToString();
  }
  return text;
}

}  // namespace octolake::datafile
