#include "datafile/file_merge.h"

#include <arrow/builder.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/page_index.h>

#include <cmath>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "datafile/file_check.h"
#include "datafile/foreign_file_for_test.h"
#include "datafile/table_for_test.h"

namespace octolake::datafile {
namespace {

using ::testing::HasSubstr;

// A number, a long text without bounds and a short text.
class FileMergeTest : public ::testing::Test {
 protected:
  FileMergeTest() {
    table_.metadata().properties["write.metadata.metrics.column.payload"] = "counts";
  }

  // Every seventh payload is NULL; the others cannot be compressed much.
  static std::shared_ptr<arrow::RecordBatch> Rows(int64_t first, int64_t count,
                                                  size_t payload_bytes = 700) {
    std::mt19937_64 random(static_cast<uint64_t>(first));
    arrow::Int64Builder number;
    arrow::StringBuilder payload;
    arrow::StringBuilder kind;
    for (int64_t i = first; i < first + count; ++i) {
      EXPECT_TRUE(number.Append(i).ok());
      EXPECT_TRUE(kind.Append(i % 3 == 0 ? "push" : "fork").ok());
      std::string text = std::to_string(i) + ":";
      while (text.size() < payload_bytes) text += static_cast<char>('!' + random() % 90);
      EXPECT_TRUE((i % 7 == 0 ? payload.AppendNull() : payload.Append(text)).ok());
    }
    return arrow::RecordBatch::Make(
        arrow::schema({arrow::field("n", arrow::int64()), arrow::field("payload", arrow::utf8()),
                       arrow::field("kind", arrow::utf8())}),
        count,
        {number.Finish().ValueOrDie(), payload.Finish().ValueOrDie(), kind.Finish().ValueOrDie()});
  }
  // So many files of 1,000 rows each.
  std::vector<iceberg::DataFile> WriteFiles(int count, const WriterOptions& options = {}) {
    std::vector<iceberg::DataFile> files;
    for (int i = 0; i < count; ++i) {
      files.push_back(table_.Write({Rows(1000 * i, 1000)}, options).front());
    }
    return files;
  }

  Result<std::optional<iceberg::DataFile>> TryMerge(const std::vector<iceberg::DataFile>& files,
                                                    const WriterOptions& options = {},
                                                    std::stop_token stop = {}) {
    rows_told_ = 0;
    return MergeFiles(table_.fs(), random_, table_.metadata(),
                      {files, options, std::move(stop), [&](int64_t n) { rows_told_ += n; }});
  }
  iceberg::DataFile Merge(const std::vector<iceberg::DataFile>& files,
                          const WriterOptions& options = {}) {
    const auto merged = TryMerge(files, options);
    EXPECT_TRUE(merged && *merged) << (merged ? "stopped" : merged.error().message);
    return merged && *merged ? **merged : iceberg::DataFile();
  }
  void ExpectRows(const iceberg::DataFile& merged, const std::vector<iceberg::DataFile>& files) {
    const auto rows = table_.Read({merged}, table_.schema())->CombineChunks().ValueOrDie();
    const auto expected = table_.Read(files, table_.schema())->CombineChunks().ValueOrDie();
    EXPECT_TRUE(rows->Equals(*expected));
    EXPECT_EQ(merged.record_count, expected->num_rows());
  }
  static std::unique_ptr<parquet::ParquetFileReader> Open(const iceberg::DataFile& file) {
    return parquet::ParquetFileReader::OpenFile(*io::LocalPath(file.file_path), false);
  }
  // Compressed bytes of the payloads, over all row groups.
  static std::string PayloadBytes(const iceberg::DataFile& file) {
    const auto footer = Open(file)->metadata();
    std::string all;
    std::ifstream in(*io::LocalPath(file.file_path), std::ios::binary);
    for (int group = 0; group < footer->num_row_groups(); ++group) {
      const auto chunk = footer->RowGroup(group)->ColumnChunk(1);
      std::string bytes(static_cast<size_t>(chunk->total_compressed_size()), '\0');
      in.seekg(chunk->data_page_offset());
      in.read(bytes.data(), std::ssize(bytes));
      all += bytes;
    }
    return all;
  }

  SeededRandom random_{11};
  TestTable table_{{{1, "n", iceberg::LongType(), true, ""},
                    {2, "payload", iceberg::StringType(), false, ""},
                    {3, "kind", iceberg::StringType(), false, ""}}};
  int64_t rows_told_ = 0;
};

// Java's reader passes over the statistics of files that do not say in this form who wrote them.
TEST_F(FileMergeTest, FilesSayWhoWroteThem) {
  const auto files = WriteFiles(2);
  for (const iceberg::DataFile& file : {files.front(), Merge(files)}) {
    const auto footer = Open(file)->metadata();
    const parquet::ApplicationVersion writer(footer->created_by());
    EXPECT_EQ(writer.application_, "octolake");
    EXPECT_EQ(writer.version.minor, 1);
  }
}

TEST_F(FileMergeTest, PagesGoOverAsTheyAre) {
  const auto files = WriteFiles(4);
  ASSERT_TRUE(MergePays(table_.metadata(), files));
  const iceberg::DataFile merged = Merge(files);
  ExpectRows(merged, files);
  EXPECT_EQ(rows_told_, 4000);
  std::string pages;
  for (const auto& file : files) pages += PayloadBytes(file);
  EXPECT_TRUE(PayloadBytes(merged) == pages);
  EXPECT_EQ(Open(merged)->metadata()->num_row_groups(), 1);
  // All pages have checksums, and they hold.
  const auto counts = CheckPages(table_.fs(), merged);
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_EQ(counts->without_checksum, 0);
}

TEST_F(FileMergeTest, MetricsAreThoseOfAWriter) {
  const auto files = WriteFiles(3);
  const iceberg::DataFile merged = Merge(files);
  const iceberg::DataFile written =
      table_.Write({Rows(0, 1000), Rows(1000, 1000), Rows(2000, 1000)}).front();
  EXPECT_EQ(merged.value_counts, written.value_counts);
  EXPECT_EQ(merged.null_value_counts, written.null_value_counts);
  EXPECT_EQ(merged.null_value_counts.at(2), 429);
  EXPECT_EQ(merged.lower_bounds, written.lower_bounds);
  EXPECT_EQ(merged.upper_bounds, written.upper_bounds);
  EXPECT_EQ(merged.split_offsets.size(), 1u);
  EXPECT_EQ(merged.column_sizes.size(), 3u);
}

// A count of 0 would let readers pass over the file.
TEST(FileMergeOfNumbersTest, NanIsCountedThoughNothingIsBounded) {
  TestTable table({{1, "score", iceberg::DoubleType(), false, ""},
                   {2, "payload", iceberg::StringType(), false, ""}});
  table.metadata().properties["write.metadata.metrics.default"] = "counts";
  std::vector<iceberg::DataFile> files;
  std::mt19937_64 random(7);
  for (int i = 0; i < 2; ++i) {
    arrow::DoubleBuilder score;
    arrow::StringBuilder payload;
    constexpr int64_t kRows = 20'000;
    for (int64_t row = 0; row < kRows; ++row) {
      const auto number = static_cast<double>(random());
      ASSERT_TRUE(score.Append(row % 1000 == 0 ? std::nan("") : number).ok());
      ASSERT_TRUE(payload.Append(std::to_string(random())).ok());
    }
    const auto rows = arrow::RecordBatch::Make(
        arrow::schema(
            {arrow::field("score", arrow::float64()), arrow::field("payload", arrow::utf8())}),
        kRows, {score.Finish().ValueOrDie(), payload.Finish().ValueOrDie()});
    files.push_back(table.Write({rows}, {}).front());
    ASSERT_EQ(files.back().nan_value_counts.at(1), 20);
  }
  ASSERT_TRUE(MergePays(table.metadata(), files));
  SeededRandom seeded(3);
  const auto merged =
      MergeFiles(table.fs(), seeded, table.metadata(), {files, {}, {}, [](int64_t) {}});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ((*merged)->nan_value_counts.at(1), 40);
}

TEST_F(FileMergeTest, ThePageIndexSaysWhereRowsBegin) {
  const auto files = WriteFiles(3);
  const iceberg::DataFile merged = Merge(files);
  const auto reader = Open(merged);
  const auto indexes = reader->GetPageIndexReader();
  const auto index = indexes->RowGroup(0);
  EXPECT_EQ(index->GetColumnIndex(1), nullptr);
  EXPECT_NE(index->GetColumnIndex(0), nullptr);
  std::vector<int64_t> first_rows;
  const auto places = index->GetOffsetIndex(1);
  ASSERT_NE(places, nullptr);
  for (const auto& page : places->page_locations()) {
    first_rows.push_back(page.first_row_index);
  }
  EXPECT_EQ(first_rows.front(), 0);
  EXPECT_THAT(first_rows, testing::IsSupersetOf({0, 1000, 2000}));
  EXPECT_TRUE(std::is_sorted(first_rows.begin(), first_rows.end()));
}

TEST_F(FileMergeTest, RowGroupsEndBetweenThoseOfTheSources) {
  WriterOptions small;
  small.row_group_rows = 400;
  const auto files = WriteFiles(3, small);
  WriterOptions options;
  options.row_group_rows = 1100;
  const iceberg::DataFile merged = Merge(files, options);
  ExpectRows(merged, files);
  const auto footer = Open(merged)->metadata();
  int64_t most = 0;
  for (int group = 0; group < footer->num_row_groups(); ++group) {
    most = std::max(most, footer->RowGroup(group)->num_rows());
  }
  EXPECT_LE(most, 1100);
  EXPECT_EQ(footer->num_row_groups(), 3);
  options = {};
  options.max_buffered_bytes = 1;
  EXPECT_EQ(Open(Merge(files, options))->metadata()->num_row_groups(), 9);
}

TEST_F(FileMergeTest, ForeignFilesAndDictionariesAreDecoded) {
  auto files = WriteFiles(2);
  // With a dictionary and another codec, and nothing in the manifest but size and rows.
  files.push_back(
      WriteForeignFile(table_.directory() + "/foreign.parquet", *Rows(2000, 500), {1, 2, 3}));
  // Payloads that repeat.
  files.push_back(table_.Write(std::vector(1500, Rows(3000, 1))).front());
  files.push_back(table_.Write({Rows(5000, 1000)}).front());
  const iceberg::DataFile merged = Merge(files);
  ExpectRows(merged, files);
  // From the first file on that could not hand over its pages, all are decoded.
  EXPECT_EQ(Open(merged)->metadata()->num_row_groups(), 2);
  EXPECT_EQ(merged.null_value_counts.at(2), 286 + 72 + 143);
}

// Other writers may put all rows of a file into one row group.
TEST_F(FileMergeTest, LargeRowGroupsOfOthersAreDivided) {
  const auto rows = Rows(0, 3000, 7000);
  const iceberg::DataFile file = WriteForeignFile(table_.directory() + "/foreign.parquet", *rows,
                                                  {1, 2, 3}, {.row_group_rows = 3000});
  ASSERT_EQ(Open(file)->metadata()->num_row_groups(), 1);
  WriterOptions options;
  options.max_buffered_bytes = 1;
  const iceberg::DataFile merged = Merge({file}, options);
  ExpectRows(merged, {file});
  EXPECT_EQ(merged.null_value_counts.at(2), 429);
  // A row group for each batch: 1 MiB are some 150 of these rows.
  const auto footer = Open(merged)->metadata();
  for (int group = 0; group < footer->num_row_groups(); ++group) {
    EXPECT_LE(footer->RowGroup(group)->num_rows(), 200);
  }
  options = {};
  options.row_group_rows = 1000;
  const auto by_rows = Open(Merge({file}, options))->metadata();
  EXPECT_GE(by_rows->num_row_groups(), 3);
  EXPECT_LE(by_rows->RowGroup(0)->num_rows(), 1000);
}

TEST_F(FileMergeTest, FilesFromBeforeAChangeOfTheSchema) {
  auto files = WriteFiles(1);
  table_.metadata().schemas[0].fields.push_back({4, "note", iceberg::StringType(), false, ""});
  table_.metadata().properties["write.metadata.metrics.column.note"] = "counts";
  files.push_back(table_.Write({Rows(1000, 1000)}).front());
  const iceberg::DataFile merged = Merge(files);
  ExpectRows(merged, files);
  EXPECT_EQ(merged.null_value_counts.at(4), 2000);
}

TEST_F(FileMergeTest, SmallPagesAreNotWorthIt) {
  std::vector<iceberg::DataFile> files;
  for (int i = 0; i < 3; ++i) files.push_back(table_.Write({Rows(10 * i, 10)}).front());
  EXPECT_FALSE(MergePays(table_.metadata(), files));
  // Bounds are told from values.
  table_.metadata().properties.clear();
  EXPECT_FALSE(MergePays(table_.metadata(), WriteFiles(2)));
}

TEST_F(FileMergeTest, DamagedPagesAreNotHandedOver) {
  const auto files = WriteFiles(2);
  const std::string path = *io::LocalPath(files[1].file_path);
  const auto footer = Open(files[1])->metadata();
  const auto chunk = footer->RowGroup(0)->ColumnChunk(1);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const int64_t place = chunk->data_page_offset() + chunk->total_compressed_size() / 2;
  file.seekg(place);
  const auto byte = static_cast<char>(file.get() ^ 1);
  file.seekp(place);
  file.put(byte);
  file.close();
  const size_t before = table_.FilesOnDisk().size();
  const auto merged = TryMerge(files);
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(merged.error().message, HasSubstr(files[1].file_path));
  EXPECT_EQ(table_.FilesOnDisk().size(), before);
}

TEST_F(FileMergeTest, AStopLeavesNothing) {
  const auto files = WriteFiles(3);
  const size_t before = table_.FilesOnDisk().size();
  std::stop_source stop;
  const auto stop_after_first = [&](int64_t) { stop.request_stop(); };
  const auto merged = MergeFiles(table_.fs(), random_, table_.metadata(),
                                 {files, {}, stop.get_token(), stop_after_first});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_FALSE(*merged);
  EXPECT_EQ(table_.FilesOnDisk().size(), before);
}

// A file of pages that were taken over is one to take pages from.
TEST_F(FileMergeTest, AgainAndAgain) {
  const auto files = WriteFiles(4);
  const iceberg::DataFile first = Merge({files[0], files[1]});
  const iceberg::DataFile second = Merge({files[2], files[3]});
  const iceberg::DataFile all = Merge({first, second});
  ExpectRows(all, files);
  EXPECT_TRUE(PayloadBytes(all) == PayloadBytes(first) + PayloadBytes(second));
}

}  // namespace
}  // namespace octolake::datafile
