#include "datafile/table_writer.h"

#include <arrow/memory_pool.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <set>

#include "datafile/all_types_for_test.h"
#include "datafile/table_for_test.h"
#include "iceberg/literal.h"

namespace octolake::datafile {
namespace {

using iceberg::Literal;
using iceberg::Transform;
using iceberg::TypeId;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST(TableWriter, RowsOfAllTypesComeBackAsTheyWere) {
  TestTable table(AllTypes());
  auto files = table.Write({AllTypesBatch()});
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].record_count, 4);
  auto read = table.Read(files, table.schema());
  auto expected = arrow::Table::FromRecordBatches({AllTypesBatch()}).ValueOrDie();
  ASSERT_EQ(read->num_columns(), 13);
  for (int column = 0; column < read->num_columns(); ++column) {
    EXPECT_TRUE(read->column(column)->Equals(*expected->column(column),
                                             arrow::EqualOptions::Defaults().nans_equal(true)))
        << read->schema()->field(column)->ToString() << read->column(column)->ToString();
  }
}

TEST(TableWriter, FileHasFieldIdsZstdUtcTimestampsAndNoArrowSchema) {
  TestTable table(AllTypes());
  auto files = table.Write({AllTypesBatch()});
  auto reader = parquet::ParquetFileReader::OpenFile(*io::LocalPath(files[0].file_path), false);
  auto footer = reader->metadata();
  EXPECT_EQ(footer->key_value_metadata(), nullptr);
  for (int column = 0; column < footer->num_columns(); ++column) {
    EXPECT_EQ(footer->schema()->group_node()->field(column)->field_id(), column + 1);
    EXPECT_EQ(footer->RowGroup(0)->ColumnChunk(column)->compression(), parquet::Compression::ZSTD);
  }
  EXPECT_TRUE(footer->schema()->group_node()->field(2)->is_required());
  EXPECT_TRUE(footer->schema()->group_node()->field(1)->is_optional());
  const auto utc = [&](int column) {
    return static_cast<const parquet::TimestampLogicalType&>(
               *footer->schema()->Column(column)->logical_type())
        .is_adjusted_to_utc();
  };
  EXPECT_FALSE(utc(8));
  EXPECT_TRUE(utc(9));
}

TEST(TableWriter, ColumnsGoByNameAndAreCastWithoutLoss) {
  TestTable table({{1, "n", iceberg::LongType(), false, ""},
                   {2, "t", iceberg::TimestamptzType(), false, ""},
                   {3, "s", iceberg::StringType(), false, ""},
                   {4, "missing", iceberg::IntType(), false, ""}});
  auto files = table.Write(
      {MakeBatch({{"s", arrow::large_utf8(), R"(["a", null])"},
                  {"t", arrow::timestamp(arrow::TimeUnit::SECOND, "Asia/Kathmandu"), "[-1, 5]"},
                  {"n", arrow::decimal128(38, 0), R"(["12", "-7"])"}})});
  auto read = table.Read(files, table.schema());
  EXPECT_EQ(ColumnText(*read, "n"), "12,-7");
  EXPECT_EQ(ColumnText(*read, "s"), "a,null");
  EXPECT_EQ(ColumnText(*read, "missing"), "null,null");
  EXPECT_TRUE(read->GetColumnByName("t")->chunk(0)->Equals(
      *arrow::json::ArrayFromJSONString(kTimestamp, "[-1000000, 5000000]").ValueOrDie()));
}

TEST(TableWriter, RefusesWhatDoesNotFitAndStaysUsable) {
  TestTable table(
      {{1, "n", iceberg::IntType(), true, ""}, {2, "t", iceberg::TimestamptzType(), false, ""}});
  auto writer = table.Writer();
  const auto refusal = [&](const std::vector<TestColumn>& columns) {
    auto status = writer->Write(*MakeBatch(columns));
    return status ? std::string("accepted") : status.error().message;
  };
  EXPECT_THAT(refusal({{"n", arrow::int32(), "[1, null]"}}), HasSubstr("n is required"));
  EXPECT_THAT(refusal({{"t", kTimestamp, "[1]"}}), HasSubstr("n is required"));
  EXPECT_THAT(refusal({{"n", arrow::int64(), "[2147483648]"}}), HasSubstr("column n"));
  EXPECT_THAT(refusal({{"n", arrow::utf8(), R"(["1"])"}}), HasSubstr("cannot be stored"));
  EXPECT_THAT(refusal({{"n", arrow::float64(), "[1.0]"}}), HasSubstr("cannot be stored"));
  EXPECT_THAT(refusal({{"n", arrow::int32(), "[1]"},
                       {"t", arrow::timestamp(arrow::TimeUnit::MICRO), "[1]"}}),
              HasSubstr("column t"));
  EXPECT_THAT(refusal({{"n", arrow::int32(), "[1]"}, {"other", arrow::int32(), "[1]"}}),
              HasSubstr("other"));
  EXPECT_THAT(refusal({{"n", arrow::int32(), "[1]"}, {"n", arrow::int32(), "[1]"}}),
              HasSubstr("more than once"));
  EXPECT_EQ(writer->rows(), 0);
  EXPECT_EQ(refusal({{"n", arrow::int32(), "[1]"}}), "accepted");
  auto files = writer->Finish();
  ASSERT_TRUE(files);
  EXPECT_EQ(files->at(0).record_count, 1);
}

TEST(TableWriter, RowsGoToTheirPartitions) {
  TestTable table(
      {{1, "n", iceberg::LongType(), false, ""},
       {2, "t", iceberg::TimestamptzType(), false, ""},
       {3, "kind", iceberg::StringType(), false, ""}},
      {{2, 1000, "t_day", Transform{Transform::Kind::kDay, 0}}, {3, 1001, "kind", Transform{}}});
  auto files =
      table.Write({MakeBatch({{"n", arrow::int64(), "[1, 2, 3, 4, 5, 6]"},
                              {"t", kTimestamp, "[0, -1, 86399999999, null, 0, -86400000000]"},
                              {"kind", arrow::utf8(), R"(["a", "a", "a", null, "b/c", "a"])"}})});
  std::map<std::string, std::string> rows;
  for (const auto& file : files) {
    const std::string& path = file.file_path;
    const size_t begin = path.find("/data/") + 6;
    rows[path.substr(begin, path.rfind('/') - begin)] =
        ColumnText(*table.Read({file}, table.schema()), "n");
    ASSERT_EQ(file.partition.size(), 2u);
  }
  EXPECT_EQ(rows, (std::map<std::string, std::string>{
                      {"t_day=1970-01-01/kind=a", "1,3"},
                      {"t_day=1969-12-31/kind=a", "2,6"},
                      {"t_day=null/kind=null", "4"},
                      {"t_day=1970-01-01/kind=b%2Fc", "5"},
                  }));
  EXPECT_EQ(files.size(), 4u);
}

TEST(TableWriter, EveryTransformAgreesWithItsDefinitionRowByRow) {
  const std::vector<std::pair<iceberg::TypePtr, std::vector<Transform>>> cases{
      {iceberg::TimestamptzType(),
       {{Transform::Kind::kYear, 0},
        {Transform::Kind::kMonth, 0},
        {Transform::Kind::kHour, 0},
        {Transform::Kind::kBucket, 5},
        {Transform::Kind::kIdentity, 0},
        {Transform::Kind::kVoid, 0}}},
      {iceberg::DateType(), {{Transform::Kind::kYear, 0}, {Transform::Kind::kMonth, 0}}},
      {iceberg::LongType(), {{Transform::Kind::kTruncate, 10}}},
      {iceberg::StringType(), {{Transform::Kind::kTruncate, 1}, {Transform::Kind::kBucket, 3}}},
      {iceberg::BooleanType(), {{Transform::Kind::kIdentity, 0}}},
      {MakeType(TypeId::kDecimal, 9, 2), {{Transform::Kind::kIdentity, 0}}},
      {iceberg::DoubleType(), {{Transform::Kind::kIdentity, 0}}},
  };
  const std::map<TypeId, std::string> values{
      {TypeId::kTimestamptz, "[-1, 0, 3600000000, -86400000001, null, 1420070400000000, -1]"},
      {TypeId::kDate, "[-1, 0, 31, 366, null, 16436, -366]"},
      {TypeId::kLong, "[-1, 0, 9, 10, null, -10, 25]"},
      {TypeId::kString, R"(["a", "ab", "", "b", null, "č", "bb"])"},
      {TypeId::kBoolean, "[true, true, false, null, null, true, false]"},
      {TypeId::kDecimal, R"(["1.00", "-1.00", "1.00", "0.00", null, "3.50", "0.00"])"},
      {TypeId::kDouble, "[1.0, NaN, 1.0, 0.5, null, NaN, -1.0]"},
  };
  for (const auto& [type, transforms] : cases) {
    for (const auto& transform : transforms) {
      TestTable table({{1, "n", iceberg::LongType(), false, ""}, {2, "v", type, false, ""}},
                      {{2, 1000, "p", transform}});
      auto arrow_type = (*ToArrowSchema(table.schema()))->field(1)->type();
      auto files = table.Write({MakeBatch({{"n", arrow::int64(), "[0, 1, 2, 3, 4, 5, 6]"},
                                           {"v", arrow_type, values.at(type->id)}})});
      auto result_type = *transform.ResultType(type);
      std::set<std::string> partitions;
      int64_t rows = 0;
      for (const auto& file : files) {
        const auto& value = file.partition.at(0);
        partitions.insert(value ? *iceberg::EncodeLiteral(*result_type, *value) : "null!");
        auto read = table.Read({file}, table.schema());
        rows += read->num_rows();
        // Bounds are exact here, so both ends must be transformed to the file's partition value.
        for (const auto* bounds : {&file.lower_bounds, &file.upper_bounds}) {
          if (!bounds->contains(2)) continue;
          auto applied = transform.Apply(*type, *iceberg::DecodeLiteral(*type, bounds->at(2)));
          EXPECT_EQ(*applied, value) << transform.ToString() << " of " << TypeName(*type);
        }
      }
      EXPECT_EQ(rows, 7);
      EXPECT_EQ(partitions.size(), files.size()) << "one file a partition";
    }
  }
}

TEST(TableWriter, KeepsFewFilesOpen) {
  TestTable table({{1, "n", iceberg::LongType(), false, ""}},
                  {{1, 1000, "n", Transform{Transform::Kind::kIdentity, 0}}});
  WriterOptions options;
  options.max_open_files = 2;
  auto writer = table.Writer(options);
  // 1, 2, then 3 closes 1 (used least recently), 2 stays open, 1 begins anew and closes 3.
  for (const char* rows : {"[1]", "[2]", "[3]", "[2]", "[1]", "[2]"}) {
    ASSERT_TRUE(writer->Write(*MakeBatch({{"n", arrow::int64(), rows}})));
  }
  auto files = writer->Finish();
  ASSERT_TRUE(files);
  std::multiset<std::string> rows;
  for (const auto& file : *files) {
    rows.insert(ColumnText(*table.Read({file}, table.schema()), "n"));
  }
  EXPECT_EQ(rows, (std::multiset<std::string>{"1", "1", "2,2,2", "3"}));
}

std::shared_ptr<arrow::RecordBatch> NoisyBatch(int64_t first, int64_t rows, int64_t partitions) {
  std::string n = "[", p = "[", s = "[";
  SeededRandom random(static_cast<uint64_t>(first) + 1);
  for (int64_t row = 0; row < rows; ++row) {
    const std::string comma = row == 0 ? "" : ",";
    n += comma + std::to_string(first + row);
    p += comma + std::to_string((first + row) % partitions);
    s += comma + "\"" + std::to_string(random.Next()) + std::to_string(random.Next()) + "\"";
  }
  return MakeBatch({{"n", arrow::int64(), n + "]"},
                    {"p", arrow::int64(), p + "]"},
                    {"s", arrow::utf8(), s + "]"}});
}

TEST(TableWriter, RollsAtTheTargetSizeAndLosesNoRow) {
  TestTable table({{1, "n", iceberg::LongType(), false, ""},
                   {2, "p", iceberg::LongType(), false, ""},
                   {3, "s", iceberg::StringType(), false, ""}});
  WriterOptions options;
  options.target_file_bytes = 40'000;
  auto writer = table.Writer(options);
  for (int64_t batch = 0; batch < 40; ++batch) {
    ASSERT_TRUE(writer->Write(*NoisyBatch(batch * 500, 500, 1)));
  }
  EXPECT_EQ(writer->rows(), 20'000);
  auto files = writer->Finish();
  ASSERT_TRUE(files);
  ASSERT_GT(files->size(), 5u);
  int64_t rows = 0;
  for (size_t index = 0; index < files->size(); ++index) {
    const auto& file = files->at(index);
    rows += file.record_count;
    EXPECT_LT(file.file_size_in_bytes, 80'000);
    if (index + 1 < files->size()) {
      EXPECT_GT(file.file_size_in_bytes, 30'000);
    }
  }
  EXPECT_EQ(rows, 20'000);
  auto read = table.Read(*files, table.schema());
  int64_t expected = 0;
  for (const auto& chunk : read->GetColumnByName("n")->chunks()) {
    const auto& numbers = static_cast<const arrow::Int64Array&>(*chunk);
    for (int64_t row = 0; row < numbers.length(); ++row) ASSERT_EQ(numbers.Value(row), expected++);
  }
  EXPECT_EQ(writer->bytes_written(), [&] {
    int64_t bytes = 0;
    for (const auto& file : *files) bytes += file.file_size_in_bytes;
    return bytes;
  }());
}

TEST(TableWriter, OnlyColumnsThatRepeatHaveADictionary) {
  TestTable table({{1, "n", iceberg::LongType(), false, ""},
                   {2, "p", iceberg::LongType(), false, ""},
                   {3, "s", iceberg::StringType(), false, ""}});
  const auto has_dictionary = [](const iceberg::DataFile& file) {
    auto reader = parquet::ParquetFileReader::OpenFile(*io::LocalPath(file.file_path), false);
    std::vector<bool> result;
    for (int column = 0; column < 3; ++column) {
      result.push_back(reader->metadata()->RowGroup(0)->ColumnChunk(column)->has_dictionary_page());
    }
    return result;
  };
  EXPECT_EQ(has_dictionary(table.Write({NoisyBatch(0, 2000, 5)}).at(0)),
            (std::vector<bool>{false, true, false}));
  // Too few rows to tell.
  EXPECT_EQ(has_dictionary(table.Write({NoisyBatch(0, 20, 5)}).at(0)),
            (std::vector<bool>{true, true, true}));
}

TEST(TableWriter, RowGroupsEndAtRowsOrBytes) {
  TestTable table({{1, "n", iceberg::LongType(), false, ""},
                   {2, "p", iceberg::LongType(), false, ""},
                   {3, "s", iceberg::StringType(), false, ""}});
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  for (int64_t batch = 0; batch < 30; ++batch) batches.push_back(NoisyBatch(batch * 2000, 2000, 1));
  WriterOptions by_rows;
  by_rows.row_group_rows = 20'000;
  EXPECT_EQ(table.Write(batches, by_rows).at(0).split_offsets.size(), 3u);
  // 60,000 rows of about 60 bytes.
  WriterOptions by_bytes;
  by_bytes.row_group_bytes = 1'000'000;
  const auto files = table.Write(batches, by_bytes);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_GE(files[0].split_offsets.size(), 3u);
  EXPECT_LE(files[0].split_offsets.size(), 6u);
  EXPECT_EQ(table.Read(files, table.schema())->num_rows(), 60'000);
}

TEST(TableWriter, MemoryStaysBoundedWhateverTheInput) {
  TestTable table({{1, "n", iceberg::LongType(), false, ""},
                   {2, "p", iceberg::LongType(), false, ""},
                   {3, "s", iceberg::StringType(), false, ""}},
                  {{2, 1000, "p", Transform{Transform::Kind::kIdentity, 0}}});
  WriterOptions options;
  options.max_buffered_bytes = 100'000;
  auto writer = table.Writer(options);
  const auto allocated = [] {
    return arrow::default_memory_pool()->bytes_allocated() +
           arrow::system_memory_pool()->bytes_allocated();
  };
  int64_t highest_early = 0;
  int64_t highest_late = 0;
  for (int64_t batch = 0; batch < 400; ++batch) {
    auto rows = NoisyBatch(batch * 100, 100, 10);
    const int64_t own = allocated();
    ASSERT_TRUE(writer->Write(*rows));
    rows.reset();
    auto& highest = batch < 100 ? highest_early : highest_late;
    highest = std::max(highest, std::max(own, allocated()));
  }
  auto files = writer->Finish();
  ASSERT_TRUE(files);
  EXPECT_EQ(files->size(), 10u);
  int64_t rows = 0;
  size_t row_groups = 0;
  for (const auto& file : *files) {
    rows += file.record_count;
    row_groups += file.split_offsets.size();
  }
  EXPECT_EQ(rows, 40'000);
  EXPECT_GT(row_groups, 20u);
  EXPECT_LT(highest_late, 2 * highest_early);
}

TEST(TableWriter, RemovesItsFilesUnlessFinished) {
  TestTable table({{1, "n", iceberg::LongType(), false, ""}},
                  {{1, 1000, "n", Transform{Transform::Kind::kIdentity, 0}}});
  WriterOptions options;
  options.max_open_files = 1;
  options.row_group_rows = 1;
  {
    auto writer = table.Writer(options);
    ASSERT_TRUE(writer->Write(*MakeBatch({{"n", arrow::int64(), "[1, 2, 3]"}})));
    EXPECT_GE(table.FilesOnDisk().size(), 2u) << "closed ones and an open one";
  }
  EXPECT_TRUE(table.FilesOnDisk().empty());
  auto files = table.Write({MakeBatch({{"n", arrow::int64(), "[1, 2, 3]"}})}, options);
  EXPECT_EQ(table.FilesOnDisk().size(), 3u);
  RemoveFiles(table.fs(), files);
  EXPECT_TRUE(table.FilesOnDisk().empty());
}

TEST(TableWriter, NoRowsNoFiles) {
  TestTable table({{1, "n", iceberg::LongType(), false, ""}});
  EXPECT_TRUE(table.Write({}).empty());
  EXPECT_TRUE(table.Write({MakeBatch({{"n", arrow::int64(), "[]"}})}).empty());
  EXPECT_TRUE(table.FilesOnDisk().empty());
}

TEST(TableWriter, AFinishedWriterTakesNoMore) {
  TestTable table({{1, "n", iceberg::LongType(), false, ""}});
  auto writer = table.Writer();
  ASSERT_TRUE(writer->Finish());
  auto status = writer->Write(*MakeBatch({{"n", arrow::int64(), "[1]"}}));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_FALSE(writer->Finish());
}

}  // namespace
}  // namespace octolake::datafile
