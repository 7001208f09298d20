#include "datafile/zstd_pages.h"

#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/io/memory.h>
#include <arrow/table.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <fstream>
#include <iterator>
#include <random>

#include "datafile/all_types_for_test.h"
#include "datafile/data_file_writer.h"
#include "datafile/parquet_output.h"
#include "datafile/table_for_test.h"
#include "datafile/text_pages.h"

namespace octolake::datafile {
namespace {

std::string BytesOf(const iceberg::DataFile& file) {
  std::ifstream stream(file.file_path.substr(std::string("file://").size()), std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::unique_ptr<parquet::ParquetFileReader> Open(const std::string& bytes, bool kept) {
  parquet::ReaderProperties properties;
  auto source = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes));
  auto file = parquet::ParquetFileReader::Open(source, properties);
  if (!kept) return file;
  std::vector<OwnFile> files;
  files.push_back({std::move(file), source});
  return WithKeptContext(std::move(files), properties, std::make_shared<size_t>(0));
}

// Throws what Parquet throws, or returns its error.
arrow::Result<std::shared_ptr<arrow::Table>> ReadAll(
    std::unique_ptr<parquet::ParquetFileReader> file) {
  parquet::ArrowReaderProperties properties;
  properties.set_pre_buffer(false);
  ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::FileReader::Make(arrow::default_memory_pool(),
                                                                      std::move(file), properties));
  return reader->ReadTable();
}

// What Arrow reads, for each column.
void Compare(const std::string& bytes) {
  const auto expected = ReadAll(Open(bytes, false)).ValueOrDie();
  const auto read = ReadAll(Open(bytes, true)).ValueOrDie();
  ASSERT_EQ(read->num_columns(), expected->num_columns());
  for (int column = 0; column < read->num_columns(); ++column) {
    EXPECT_TRUE(read->column(column)->Equals(*expected->column(column),
                                             arrow::EqualOptions::Defaults().nans_equal(true)))
        << read->field(column)->name();
  }
}

// Numbers and texts that repeat, so that they have dictionaries, and texts that do not.
std::shared_ptr<arrow::RecordBatch> ManyRows(int64_t rows) {
  std::mt19937_64 random(3);
  arrow::Int64Builder number;
  arrow::StringBuilder kind;
  arrow::StringBuilder text;
  for (int64_t row = 0; row < rows; ++row) {
    EXPECT_TRUE((row % 7 == 0 ? number.AppendNull() : number.Append(row % 50)).ok());
    EXPECT_TRUE(kind.Append("kind " + std::to_string(random() % 9)).ok());
    EXPECT_TRUE(text.Append(std::to_string(random())).ok());
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("number", arrow::int64()), arrow::field("kind", arrow::utf8()),
                     arrow::field("text", arrow::utf8())}),
      rows, {number.Finish().ValueOrDie(), kind.Finish().ValueOrDie(), text.Finish().ValueOrDie()});
}

const std::vector<iceberg::Field> kManyFields = {{1, "number", iceberg::LongType(), false, ""},
                                                 {2, "kind", iceberg::StringType(), false, ""},
                                                 {3, "text", iceberg::StringType(), false, ""}};

TEST(ZstdPages, AllTypesAreAsArrowReadsThem) {
  TestTable table(AllTypes());
  const auto files = table.Write({AllTypesBatch()});
  ASSERT_EQ(files.size(), 1U);
  Compare(BytesOf(files.front()));
}

TEST(ZstdPages, DictionariesManyPagesAndRowGroupsAreAsArrowReadsThem) {
  TestTable table(kManyFields);
  const auto files = table.Write({ManyRows(150'000)}, {.row_group_rows = 60'000});
  ASSERT_EQ(files.size(), 1U);
  const std::string bytes = BytesOf(files.front());
  const auto footer = Open(bytes, false)->metadata();
  EXPECT_EQ(footer->num_row_groups(), 3);
  EXPECT_TRUE(footer->RowGroup(0)->ColumnChunk(1)->has_dictionary_page());
  EXPECT_FALSE(footer->RowGroup(0)->ColumnChunk(2)->has_dictionary_page());
  Compare(bytes);
}

// Fewer would move the values of the next file to other rows.
TEST(ZstdPages, AColumnHasAValueForEachRow) {
  TestTable table(
      {{1, "a", iceberg::StringType(), false, ""}, {2, "b", iceberg::StringType(), false, ""}});
  const FileLayout layout = MakeFileLayout(table.metadata(), 1).value();
  const auto texts = MakeBatch({{"t", arrow::utf8(), R"(["x", null, "y"])"}})->column(0);
  const auto write = [&](int64_t rows_of_b) {
    auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
    const auto properties = parquet::WriterProperties::Builder()
                                .compression(kCodec)
                                ->disable_dictionary()
                                ->disable_statistics()
                                ->build();
    ParquetOutput output(sink, *layout.descriptor, properties);
    output.BeginRowGroup({true, true});
    for (const int column : {0, 1}) {
      TextPages pages(1, true, arrow::default_memory_pool());
      pages.Add(*texts->Slice(0, column == 0 ? 3 : rows_of_b));
      ColumnPages done = pages.Finish();
      done.rows = 3;
      output.AddPages(column, std::move(done));
    }
    output.EndRowGroup(3, nullptr);
    output.Close();
    return sink->Finish().ValueOrDie()->ToString();
  };
  EXPECT_EQ(ReadAll(Open(write(3), true)).ValueOrDie()->num_rows(), 3);
  EXPECT_FALSE(ReadAll(Open(write(2), true)).ok());
}

// Page checksums are not compared here: the bytes come to zstd as they are.
TEST(ZstdPages, DamageIsAnErrorOrOtherValuesNeverMore) {
  TestTable table(kManyFields);
  const auto files = table.Write({ManyRows(500)});
  const std::string bytes = BytesOf(files.front());
  const auto footer = Open(bytes, false)->metadata();
  int64_t end = 0;
  for (int column = 0; column < 3; ++column) {
    const auto chunk = footer->RowGroup(0)->ColumnChunk(column);
    end = std::max(end, chunk->data_page_offset() + chunk->total_compressed_size());
  }
  end = std::min(end, static_cast<int64_t>(bytes.size()));
  int64_t errors = 0;
  for (int64_t place = 4; place < end; ++place) {
    std::string damaged = bytes;
    damaged[static_cast<size_t>(place)] = static_cast<char>(~damaged[static_cast<size_t>(place)]);
    try {
      errors += ReadAll(Open(damaged, true)).ok() ? 0 : 1;
    } catch (const parquet::ParquetException&) {
      ++errors;
    }
  }
  EXPECT_GT(errors, end / 10);
}

}  // namespace
}  // namespace octolake::datafile
