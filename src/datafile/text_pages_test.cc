#include "datafile/text_pages.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/page_index.h>
#include <parquet/properties.h>
#include <parquet/size_statistics.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datafile/parquet_input.h"
#include "datafile/parquet_output.h"

namespace octolake::datafile {
namespace {

using Texts = std::vector<std::optional<std::string>>;

// Texts that compress, no two alike.
std::string Text(size_t number, size_t size) {
  std::string text;
  while (text.size() < size) text += "{\"number\":" + std::to_string(number++ * 7919) + "},";
  text.resize(size);
  return text;
}

std::shared_ptr<arrow::Array> ArrayOf(const Texts& texts) {
  arrow::StringBuilder builder;
  for (const auto& text : texts) {
    EXPECT_TRUE((text ? builder.Append(*text) : builder.AppendNull()).ok());
  }
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<parquet::WriterProperties> Properties(int zstd_level) {
  return parquet::WriterProperties::Builder()
      .compression(arrow::Compression::ZSTD)
      ->compression_level(zstd_level)
      ->enable_page_checksum()
      ->enable_write_page_index()
      ->disable_dictionary()
      ->disable_statistics()
      ->build();
}

std::unique_ptr<parquet::ParquetFileReader> Open(const std::shared_ptr<arrow::Buffer>& bytes) {
  return parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(bytes),
                                          CheckedProperties());
}

// A file of one column, written in row groups of such texts, each given in slices of so many rows.
class TextFile {
 public:
  explicit TextFile(bool optional, int zstd_level = 1) {
    schema_ = arrow::schema({arrow::field("text", arrow::utf8(), optional)});
    EXPECT_TRUE(parquet::arrow::ToParquetSchema(schema_.get(),
                                                *parquet::default_writer_properties(), &descriptor_)
                    .ok());
    sink_ = arrow::io::BufferOutputStream::Create().ValueOrDie();
    output_ = std::make_unique<ParquetOutput>(sink_, *descriptor_, Properties(zstd_level));
  }

  void AddRowGroup(const Texts& texts, int64_t slice) {
    output_->BeginRowGroup({false});
    const auto array = ArrayOf(texts);
    for (int64_t at = 0; at < array->length(); at += slice) {
      const auto part = array->Slice(at, slice);
      output_->Write(0, {}, *part);
    }
    buffered_ = output_->buffered_bytes();
    output_->EndRowGroup(array->length(), nullptr);
  }

  std::shared_ptr<arrow::Buffer> Close() {
    output_->Close();
    return sink_->Finish().ValueOrDie();
  }

  int64_t buffered() const { return buffered_; }  // when the last row group ended

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<parquet::SchemaDescriptor> descriptor_;
  std::shared_ptr<arrow::io::BufferOutputStream> sink_;
  std::unique_ptr<ParquetOutput> output_;
  int64_t buffered_ = 0;
};

Texts Read(const std::shared_ptr<arrow::Buffer>& bytes) {
  parquet::arrow::FileReaderBuilder builder;
  EXPECT_TRUE(
      builder.Open(std::make_shared<arrow::io::BufferReader>(bytes), CheckedProperties()).ok());
  std::unique_ptr<parquet::arrow::FileReader> reader;
  EXPECT_TRUE(builder.Build(&reader).ok());
  const auto table = reader->ReadTable().ValueOrDie();
  EXPECT_TRUE(table->ValidateFull().ok());
  Texts texts;
  for (const auto& chunk : table->column(0)->chunks()) {
    const auto& values = static_cast<const arrow::StringArray&>(*chunk);
    for (int64_t row = 0; row < values.length(); ++row) {
      texts.push_back(values.IsNull(row) ? std::optional<std::string>() : values.GetString(row));
    }
  }
  return texts;
}

struct PageSize {
  int64_t rows;
  int64_t bytes;  // before compression
};

std::vector<PageSize> Pages(const std::shared_ptr<arrow::Buffer>& bytes, int group) {
  const auto file = Open(bytes);
  const auto pages = file->RowGroup(group)->GetColumnPageReader(0);
  std::vector<PageSize> sizes;
  while (const auto page = pages->NextPage()) {
    EXPECT_EQ(page->type(), parquet::PageType::DATA_PAGE);
    const auto& data = static_cast<const parquet::DataPageV1&>(*page);
    EXPECT_EQ(data.encoding(), parquet::Encoding::PLAIN);
    sizes.push_back({data.num_values(), data.size()});
  }
  return sizes;
}

TEST(TextPagesTest, TextsAndNullsComeBackOverPagesAndRowGroups) {
  Texts first;
  for (size_t i = 0; i < 3000; ++i) {
    // Runs of NULLs and single ones.
    if (i % 7 == 3 || (i > 1000 && i < 1200)) {
      first.emplace_back(std::nullopt);
    } else {
      first.emplace_back(Text(i, i % 1500));
    }
  }
  const Texts second = {std::nullopt, "", "after", std::nullopt};
  TextFile file(true);
  file.AddRowGroup(first, 511);
  EXPECT_GT(file.buffered(), 0);
  file.AddRowGroup(second, 2);
  const auto bytes = file.Close();

  Texts all = first;
  all.insert(all.end(), second.begin(), second.end());
  EXPECT_EQ(Read(bytes), all);
  const auto pages = Pages(bytes, 0);
  ASSERT_EQ(pages.size(), 2u);
  EXPECT_GE(pages[0].bytes, int64_t{1} << 20);
  EXPECT_LT(pages[0].bytes, (int64_t{1} << 20) + 4096);
  EXPECT_EQ(pages[0].rows + pages[1].rows, 3000);
}

TEST(TextPagesTest, RequiredTextsHaveNoLevels) {
  const Texts texts = {"one", "", "three"};
  TextFile file(false);
  file.AddRowGroup(texts, 3);
  const auto bytes = file.Close();
  EXPECT_EQ(Read(bytes), texts);
  ASSERT_EQ(Pages(bytes, 0).size(), 1u);
  EXPECT_EQ(Pages(bytes, 0)[0].bytes, 3 * 4 + 8);
}

TEST(TextPagesTest, ManyNullsEndAPage) {
  const Texts texts(45'000, std::nullopt);
  TextFile file(true);
  file.AddRowGroup(texts, 16'384);
  const auto bytes = file.Close();
  EXPECT_EQ(Read(bytes), texts);
  const auto pages = Pages(bytes, 0);
  ASSERT_EQ(pages.size(), 3u);
  EXPECT_EQ(pages[0].rows, 20'000);
  EXPECT_EQ(pages[2].rows, 5'000);
}

// Every level of its own run is what takes most room.
TEST(TextPagesTest, AlternatingNullsFindRoomForTheirLevels) {
  Texts texts;
  for (size_t i = 0; i < 40'000; ++i) {
    texts.push_back(i % 2 == 0 ? std::optional<std::string>("x") : std::nullopt);
  }
  TextFile file(true);
  file.AddRowGroup(texts, 999);
  EXPECT_EQ(Read(file.Close()), texts);
}

TEST(TextPagesTest, LongTextsAreNotDividedAndTheirMemoryIsNotKept) {
  Texts texts;
  for (const size_t size : {size_t{10}, size_t{9} << 20, size_t{20}, size_t{3} << 20, size_t{30}}) {
    texts.emplace_back(Text(size, size));
  }
  TextFile file(true);
  file.AddRowGroup(texts, 1);
  EXPECT_LT(file.buffered(), int64_t{6} << 20);
  const auto bytes = file.Close();
  EXPECT_EQ(Read(bytes), texts);
  EXPECT_EQ(Pages(bytes, 0).size(), 3u);
}

// What stands twice in a page, a window of half a page apart, is stored once.
TEST(TextPagesTest, TheWholePageIsLookedBackOver) {
  std::string noise;
  uint64_t state = 1;
  while (noise.size() < size_t{500} << 10) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    noise += static_cast<char>('0' + (state >> 33) % 64);
  }
  const std::string filler(size_t{100} << 10, ' ');
  TextFile twice(true);
  twice.AddRowGroup({noise + filler + noise}, 1);
  TextFile once(true);
  once.AddRowGroup({noise}, 1);
  EXPECT_LT(static_cast<double>(twice.Close()->size()),
            1.1 * static_cast<double>(once.Close()->size()));
}

TEST(TextPagesTest, EveryLevelOfZstdIsTaken) {
  const Texts texts = {Text(1, 1000), Text(2, 100'000)};
  for (const int level : {-5, 1, 2, 3, 19}) {
    TextFile file(true, level);
    file.AddRowGroup(texts, 2);
    EXPECT_EQ(Read(file.Close()), texts) << level;
  }
}

// The same texts as Parquet's own writer writes them.
std::shared_ptr<arrow::Buffer> WrittenByParquet(const Texts& texts, bool optional) {
  const auto schema = arrow::schema({arrow::field("text", arrow::utf8(), optional)});
  const auto table = arrow::Table::Make(schema, {ArrayOf(texts)});
  const auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  EXPECT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink,
                                         table->num_rows(), Properties(1))
                  .ok());
  return sink->Finish().ValueOrDie();
}

TEST(TextPagesTest, TheFooterTellsOfPagesAsParquetsOwnWriterDoes) {
  Texts texts;
  for (size_t i = 0; i < 50'000; ++i) texts.emplace_back(Text(i, i % 90));
  for (const bool optional : {false, true}) {
    if (optional) texts[17] = std::nullopt;
    TextFile written(optional);
    written.AddRowGroup(texts, 1000);
    const auto ours = Open(written.Close());
    const auto theirs = Open(WrittenByParquet(texts, optional));
    const auto chunk = ours->metadata()->RowGroup(0)->ColumnChunk(0);
    const auto expected = theirs->metadata()->RowGroup(0)->ColumnChunk(0);
    EXPECT_EQ(chunk->num_values(), expected->num_values());
    EXPECT_EQ(chunk->encodings(), expected->encodings());
    EXPECT_FALSE(chunk->has_dictionary_page());
    EXPECT_FALSE(chunk->is_stats_set());
    ASSERT_EQ(chunk->encoding_stats().size(), 1u);
    EXPECT_EQ(chunk->encoding_stats()[0].encoding, parquet::Encoding::PLAIN);
    EXPECT_EQ(chunk->encoding_stats()[0].count, 3);

    const auto sizes = chunk->size_statistics();
    ASSERT_NE(sizes, nullptr);
    ASSERT_NE(expected->size_statistics(), nullptr);
    EXPECT_EQ(sizes->unencoded_byte_array_data_bytes,
              expected->size_statistics()->unencoded_byte_array_data_bytes);
    EXPECT_EQ(sizes->definition_level_histogram,
              expected->size_statistics()->definition_level_histogram);

    const auto places = ours->GetPageIndexReader()->RowGroup(0)->GetOffsetIndex(0);
    ASSERT_NE(places, nullptr);
    ASSERT_EQ(places->page_locations().size(), 3u);
    EXPECT_EQ(places->page_locations()[1].first_row_index, 20'000);
    int64_t bytes = 0;
    for (const int64_t page : places->unencoded_byte_array_data_bytes()) bytes += page;
    EXPECT_EQ(bytes, sizes->unencoded_byte_array_data_bytes);
  }
}

TEST(TextPagesTest, OnlyTextsAreTaken) {
  TextPages pages(1, true, arrow::default_memory_pool());
  arrow::Int64Builder builder;
  ASSERT_TRUE(builder.Append(1).ok());
  EXPECT_THROW(pages.Add(*builder.Finish().ValueOrDie()), parquet::ParquetException);
}

}  // namespace
}  // namespace octolake::datafile
