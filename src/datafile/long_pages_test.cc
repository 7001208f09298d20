#include "datafile/long_pages.h"

#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/io/memory.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <string>
#include <utility>

#include "datafile/data_file_writer.h"
#include "datafile/parquet_for_test.h"
#include "datafile/parquet_output.h"
#include "datafile/table_for_test.h"

namespace octolake::datafile {
namespace {

std::unique_ptr<parquet::ParquetFileReader> Open(const std::string& bytes, bool in_parts) {
  parquet::ReaderProperties properties;
  properties.enable_buffered_stream();
  auto source = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes));
  auto file = parquet::ParquetFileReader::Open(source, properties);
  return in_parts ? WithLongPagesInParts(std::move(file), source, properties) : std::move(file);
}

// With what Arrow reads.
void Compare(const std::string& bytes) {
  const auto expected = ReadAll(Open(bytes, false)).ValueOrDie();
  EXPECT_TRUE(ReadAll(Open(bytes, true)).ValueOrDie()->Equals(*expected));
}

constexpr int64_t kRowsOfALongPage = 6000;

// As PyIceberg writes, which looks at the size of a page, and of a dictionary, only once in many
// rows.
std::string ForeignBytes(const std::shared_ptr<arrow::RecordBatch>& rows) {
  const auto properties = parquet::WriterProperties::Builder()
                              .compression(parquet::Compression::ZSTD)
                              ->write_batch_size(kRowsOfALongPage)
                              ->build();
  const auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  EXPECT_TRUE(parquet::arrow::WriteTable(*arrow::Table::FromRecordBatches({rows}).ValueOrDie(),
                                         arrow::default_memory_pool(), sink, rows->num_rows(),
                                         properties)
                  .ok());
  return sink->Finish().ValueOrDie()->ToString();
}

// Texts that do not repeat: the first page needs their dictionary, those behind it do not. One of
// `text` is longer than a part of a page.
std::shared_ptr<arrow::RecordBatch> LongTexts(int64_t rows) {
  arrow::Int64Builder number;
  arrow::StringBuilder text;
  arrow::BinaryBuilder required;
  for (int64_t row = 0; row < rows; ++row) {
    std::string value = std::to_string(row) + std::string(1000, 'x');
    EXPECT_TRUE(number.Append(row).ok());
    EXPECT_TRUE(required.Append(value).ok());
    if (row == rows / 2) value.append(size_t{3} << 20, 'y');
    EXPECT_TRUE((row % 5 == 1 ? text.AppendNull() : text.Append(value)).ok());
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("number", arrow::int64()), arrow::field("text", arrow::utf8()),
                     arrow::field("required", arrow::binary(), false)}),
      rows,
      {number.Finish().ValueOrDie(), text.Finish().ValueOrDie(), required.Finish().ValueOrDie()});
}

// A few long texts that repeat, all of them by their dictionary, and NULLs between them.
std::shared_ptr<arrow::RecordBatch> RepeatedTexts() {
  constexpr int64_t kRows = 60;
  constexpr size_t kBytes = 500'000;
  arrow::StringBuilder text;
  for (int64_t row = 0; row < kRows; ++row) {
    const std::string value(kBytes, static_cast<char>('a' + row % 12));
    EXPECT_TRUE((row % 7 == 0 ? text.AppendNull() : text.Append(value)).ok());
  }
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("text", arrow::utf8())}), kRows,
                                  {text.Finish().ValueOrDie()});
}

// The longest page of a column, as it is given to who reads; 0 if there is none but a dictionary.
int64_t LongestPage(const std::string& bytes, int column) {
  const auto file = Open(bytes, true);
  const auto pages = file->RowGroup(0)->GetColumnPageReader(column);
  int64_t longest = 0;
  while (const auto page = pages->NextPage()) longest = std::max<int64_t>(longest, page->size());
  return longest;
}

TEST(LongPages, LongPagesAndDictionariesOfOthersComeInParts) {
  constexpr int64_t kMegabyte = int64_t{1} << 20;
  const std::string bytes = ForeignBytes(LongTexts(3 * kRowsOfALongPage));
  const auto chunk = Open(bytes, false)->metadata()->RowGroup(0)->ColumnChunk(1);
  // A dictionary, one page that needs it, and two that do not.
  ASSERT_EQ(chunk->encoding_stats().size(), 3U);
  ASSERT_GT(chunk->total_uncompressed_size(), 12 * kMegabyte);
  Compare(bytes);
  EXPECT_LT(LongestPage(bytes, 1), 4 * kMegabyte);  // the long value
  EXPECT_GT(LongestPage(bytes, 1), 3 * kMegabyte);
  EXPECT_LT(LongestPage(bytes, 2), 1.1 * kMegabyte);

  const std::string repeated = ForeignBytes(RepeatedTexts());
  ASSERT_TRUE(
      Open(repeated, false)->metadata()->RowGroup(0)->ColumnChunk(0)->has_dictionary_page());
  Compare(repeated);
  EXPECT_LT(LongestPage(repeated, 0), 1.6 * kMegabyte);
}

TEST(LongPages, DamageToLongPagesIsAnErrorOrOtherValuesNeverMore) {
  for (const auto& rows : {LongTexts(2 * kRowsOfALongPage), RepeatedTexts()}) {
    const std::string bytes = ForeignBytes(rows);
    int64_t errors = 0;
    int64_t tries = 0;
    for (size_t place = 4; place < bytes.size(); place += bytes.size() / 60 + 1, ++tries) {
      std::string damaged = bytes;
      damaged[place] = static_cast<char>(~damaged[place]);
      try {
        errors += ReadAll(Open(damaged, true)).ok() ? 0 : 1;
      } catch (const parquet::ParquetException&) {
        ++errors;
      }
    }
    EXPECT_GT(errors, tries / 10);
  }
}

// What comes in parts would take memory for each of them.
TEST(LongPages, APageHasNoMoreValuesThanThereAreRows) {
  constexpr int32_t kValues = 1'000'000'000;
  TestTable table({{1, "text", iceberg::StringType(), false, ""}});
  const FileLayout layout = MakeFileLayout(table.metadata(), 1).value();
  const auto properties =
      parquet::WriterProperties::Builder().compression(kCodec)->disable_dictionary()->build();
  const auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  ParquetOutput output(sink, *layout.descriptor, properties);
  output.BeginRowGroup({true});
  ColumnPages pages;
  pages.pages.push_back(std::make_shared<parquet::DataPageV1>(
      arrow::Buffer::FromString("some bytes"), kValues, parquet::Encoding::PLAIN,
      parquet::Encoding::RLE, parquet::Encoding::RLE, int64_t{5} << 20));
  pages.rows = 3;
  output.AddPages(0, std::move(pages));
  output.EndRowGroup(3, nullptr);
  output.Close();
  const auto read = ReadAll(Open(sink->Finish().ValueOrDie()->ToString(), true));
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.status().message(), testing::HasSubstr("a page of 1000000000 values in 3 rows"));
}

}  // namespace
}  // namespace octolake::datafile
