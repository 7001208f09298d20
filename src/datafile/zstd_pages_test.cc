#include "datafile/zstd_pages.h"

#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/io/memory.h>
#include <arrow/table.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <fstream>
#include <iterator>
#include <random>

#include "datafile/all_types_for_test.h"
#include "datafile/data_file_writer.h"
#include "datafile/parquet_for_test.h"
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

// Of a column "a" and a column "b".
class PagesOfTwoColumns {
 public:
  ColumnPages Pages(const char* json) const {
    TextPages pages(1, true, arrow::default_memory_pool());
    pages.Add(*MakeBatch({{"t", arrow::utf8(), json}})->column(0));
    return pages.Finish();
  }
  // Which say that they are so many rows.
  std::string FileOf(ColumnPages a, ColumnPages b, int64_t rows) const {
    auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
    const auto properties = parquet::WriterProperties::Builder()
                                .compression(kCodec)
                                ->disable_dictionary()
                                ->disable_statistics()
                                ->build();
    ParquetOutput output(sink, *layout_.descriptor, properties);
    output.BeginRowGroup({true, true});
    a.rows = b.rows = rows;
    output.AddPages(0, std::move(a));
    output.AddPages(1, std::move(b));
    output.EndRowGroup(rows, nullptr);
    output.Close();
    return sink->Finish().ValueOrDie()->ToString();
  }

 private:
  TestTable table_{
      {{1, "a", iceberg::StringType(), false, ""}, {2, "b", iceberg::StringType(), false, ""}}};
  const FileLayout layout_ = MakeFileLayout(table_.metadata(), 1).value();
};

// Fewer would move the values of the next file to other rows.
TEST(ZstdPages, AColumnHasAValueForEachRow) {
  const PagesOfTwoColumns two;
  const auto read = [&](const char* b) {
    const ColumnPages a = two.Pages(R"(["x", null, "y"])");
    return ReadAll(Open(two.FileOf(a, two.Pages(b), 3), true));
  };
  EXPECT_EQ(read(R"(["x", null, "y"])").ValueOrDie()->num_rows(), 3);
  EXPECT_FALSE(read(R"(["x", null])").ok());
}

// At one, Parquet's reader goes on with the next file's values.
TEST(ZstdPages, APageWithoutValuesEndsNoColumn) {
  const std::string levels(sizeof(uint32_t), '\0');
  const auto codec = arrow::util::Codec::Create(kCodec).ValueOrDie();
  std::string page(64, '\0');
  page.resize(static_cast<size_t>(
      codec
          ->Compress(std::ssize(levels), reinterpret_cast<const uint8_t*>(levels.data()),
                     std::ssize(page), reinterpret_cast<uint8_t*>(page.data()))
          .ValueOrDie()));
  parquet::SizeStatistics sizes;
  sizes.definition_level_histogram = {0, 0};
  sizes.unencoded_byte_array_data_bytes = 0;
  const auto empty = std::make_shared<parquet::DataPageV1>(
      arrow::Buffer::FromString(page), 0, parquet::Encoding::PLAIN, parquet::Encoding::RLE,
      parquet::Encoding::RLE, std::ssize(levels), parquet::EncodedStatistics(), std::nullopt,
      sizes);
  const PagesOfTwoColumns two;
  std::vector<OwnFile> files;
  for (const char* texts : {R"(["x", null, "y"])", R"([null, "z", "z"])"}) {
    ColumnPages b = two.Pages(texts);
    b.pages.insert(b.pages.begin(), empty);
    auto bytes = arrow::Buffer::FromString(two.FileOf(two.Pages(texts), std::move(b), 3));
    auto source = std::make_shared<arrow::io::BufferReader>(std::move(bytes));
    files.push_back({parquet::ParquetFileReader::Open(source), source});
  }
  const auto read = ReadAll(WithKeptContext(std::move(files), parquet::ReaderProperties(),
                                            std::make_shared<size_t>(0)))
                        .ValueOrDie();
  EXPECT_EQ(read->num_rows(), 6);
  EXPECT_TRUE(read->column(1)->Equals(*read->column(0)));
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
