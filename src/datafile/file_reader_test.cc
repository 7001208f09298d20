#include "datafile/file_reader.h"

#include <arrow/builder.h>
#include <arrow/memory_pool.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "datafile/foreign_file_for_test.h"
#include "datafile/table_for_test.h"

namespace octolake::datafile {
namespace {

using iceberg::TypeId;
using ::testing::HasSubstr;

iceberg::DataFile ForeignFile(const TestTable& table, const arrow::RecordBatch& batch,
                              const std::vector<int>& ids) {
  static int number = 0;
  const std::string path = table.directory() + "/foreign" + std::to_string(number++) + ".parquet";
  return WriteForeignFile(path, batch, ids, {.row_group_rows = 2});
}

TEST(FileReader, MapsColumnsByFieldId) {
  TestTable table({});
  auto file = ForeignFile(table,
                          *MakeBatch({{"was", arrow::int32(), "[1, null, -3]"},
                                      {"gone", arrow::utf8(), R"(["x", "y", "z"])"},
                                      {"text", arrow::large_utf8(), R"(["a", "", null])"},
                                      {"real", arrow::float32(), "[0.5, 1.5, null]"}}),
                          {3, 9, 1, 4});
  const iceberg::Schema projection{.schema_id = 2,
                                   .fields = {{1, "s", iceberg::StringType(), false, ""},
                                              {2, "new", iceberg::DateType(), false, ""},
                                              {3, "is", iceberg::LongType(), false, ""},
                                              {4, "ratio", iceberg::DoubleType(), false, ""}},
                                   .identifier_field_ids = {}};
  auto read = table.Read({file}, projection, {.batch_rows = 1});
  EXPECT_EQ(read->schema()->ToString(), (*ToArrowSchema(projection))->ToString());
  EXPECT_EQ(ColumnText(*read, "s"), "a,,null");
  EXPECT_EQ(ColumnText(*read, "new"), "null,null,null");
  EXPECT_EQ(ColumnText(*read, "is"), "1,null,-3");
  EXPECT_EQ(ColumnText(*read, "ratio"), "0.5,1.5,null");
}

TEST(FileReader, RowsComeWithoutAnyColumnOfTheFile) {
  TestTable table({});
  auto file = ForeignFile(table, *MakeBatch({{"a", arrow::int32(), "[1, 2, 3, 4, 5]"}}), {1});
  const iceberg::Schema added{.fields = {{7, "b", iceberg::LongType(), false, ""}},
                              .identifier_field_ids = {}};
  auto read = table.Read({file}, added);
  EXPECT_EQ(ColumnText(*read, "b"), "null,null,null,null,null");
  auto none = OpenDataFile(table.fs(), file, iceberg::Schema{});
  ASSERT_TRUE(none);
  int64_t rows = 0;
  while (true) {
    auto batch = (*none)->Next();
    ASSERT_TRUE(batch);
    if (*batch == nullptr) break;
    rows += (*batch)->num_rows();
  }
  EXPECT_EQ(rows, 5);
}

// Other writers may put hundreds of megabytes of a column into one row group.
TEST(FileReader, HoldsAPartOfALargeColumn) {
  constexpr int64_t kRows = 20'000;
  constexpr int64_t kBytes = int64_t{20} << 20;
  TestTable table({{1, "text", iceberg::StringType(), false, ""}});
  arrow::StringBuilder text;
  for (int64_t row = 0; row < kRows; ++row) {
    ASSERT_TRUE(text.Append(std::string(kBytes / kRows, static_cast<char>('a' + row % 26))).ok());
  }
  const auto rows = arrow::RecordBatch::Make(arrow::schema({arrow::field("text", arrow::utf8())}),
                                             kRows, {text.Finish().ValueOrDie()});
  const auto file = WriteForeignFile(table.directory() + "/large.parquet", *rows, {1},
                                     {.row_group_rows = kRows, .dictionary = false});
  ASSERT_GT(file.file_size_in_bytes, kBytes - kRows * 50);
  const auto* pool = arrow::default_memory_pool();
  const int64_t before = pool->bytes_allocated();
  auto reader = OpenDataFile(table.fs(), file, table.schema(), {.batch_rows = 500});
  ASSERT_TRUE(reader) << reader.error().message;
  int64_t read = 0;
  int64_t most = 0;
  while (true) {
    const auto batch = (*reader)->Next();
    ASSERT_TRUE(batch) << batch.error().message;
    if (*batch == nullptr) break;
    read += (*batch)->num_rows();
    most = std::max(most, pool->bytes_allocated() - before);
  }
  EXPECT_EQ(read, kRows);
  EXPECT_LT(most, kBytes / 3);
}

TEST(FileReader, LongRowsComeInSmallerBatches) {
  constexpr int64_t kRows = 2000;
  TestTable table({{1, "text", iceberg::StringType(), false, ""},
                   {2, "number", iceberg::LongType(), false, ""}});
  arrow::StringBuilder text;
  arrow::Int64Builder number;
  for (int64_t row = 0; row < kRows; ++row) {
    ASSERT_TRUE(text.Append(std::string(1000, static_cast<char>('a' + row % 26))).ok());
    ASSERT_TRUE(number.Append(row).ok());
  }
  const auto rows = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("text", arrow::utf8()), arrow::field("number", arrow::int64())}),
      kRows, {text.Finish().ValueOrDie(), number.Finish().ValueOrDie()});
  const auto file = WriteForeignFile(table.directory() + "/long.parquet", *rows, {1, 2},
                                     {.row_group_rows = kRows / 2, .dictionary = false});
  // The rows of the longest batch.
  const auto longest = [&](const iceberg::Schema& columns, int64_t bytes) {
    auto reader =
        OpenDataFile(table.fs(), file, columns, {.batch_rows = 500, .batch_bytes = bytes});
    int64_t most = 0;
    int64_t read = 0;
    while (const auto batch = reader.value()->Next().value()) {
      most = std::max(most, batch->num_rows());
      read += batch->num_rows();
    }
    EXPECT_EQ(read, kRows);
    return most;
  };
  EXPECT_EQ(longest(table.schema(), 0), 500);
  EXPECT_EQ(longest(table.schema(), int64_t{1} << 30), 500);
  const int64_t limited = longest(table.schema(), int64_t{64} << 10);
  EXPECT_LE(limited, 65);
  EXPECT_GT(limited, 50);
  EXPECT_EQ(longest(table.schema(), 1), 1);
  // Of the columns that are read.
  const iceberg::Schema short_ones{.fields = {{2, "number", iceberg::LongType(), false, ""}},
                                   .identifier_field_ids = {}};
  EXPECT_EQ(longest(short_ones, int64_t{64} << 10), 500);
}

TEST(FileReader, PassesOverNestedColumns) {
  TestTable table({});
  auto nested =
      arrow::struct_({arrow::field("x", arrow::int32()), arrow::field("y", arrow::int32())});
  auto file = ForeignFile(
      table, *MakeBatch({{"s", nested, R"([{"x": 1, "y": 2}])"}, {"n", arrow::int64(), "[42]"}}),
      {1, 2});
  const iceberg::Schema projection{.fields = {{2, "n", iceberg::LongType(), false, ""}},
                                   .identifier_field_ids = {}};
  EXPECT_EQ(ColumnText(*table.Read({file}, projection), "n"), "42");
}

TEST(FileReader, TellsWhatIsWrongWithAFile) {
  TestTable table({});
  const iceberg::Schema projection{.fields = {{1, "n", iceberg::IntType(), true, ""}},
                                   .identifier_field_ids = {}};
  const auto error = [&](const iceberg::DataFile& file) {
    auto reader = OpenDataFile(table.fs(), file, projection);
    if (reader) {
      auto batch = (*reader)->Next();
      return batch ? Error{ErrorKind::kIo, "no error"} : batch.error();
    }
    return reader.error();
  };
  auto without_ids = ForeignFile(table, *MakeBatch({{"n", arrow::int32(), "[1]"}}), {0});
  EXPECT_THAT(error(without_ids).message, HasSubstr("no field ids"));
  auto other_id = ForeignFile(table, *MakeBatch({{"n", arrow::int32(), "[1]"}}), {2});
  EXPECT_THAT(error(other_id).message, HasSubstr("lacks the required column n"));
  auto wrong_type = ForeignFile(table, *MakeBatch({{"n", arrow::utf8(), R"(["1"])"}}), {1});
  EXPECT_EQ(error(wrong_type).kind, ErrorKind::kCorruption);
  EXPECT_THAT(error(wrong_type).message, HasSubstr("column n"));
  auto short_count = ForeignFile(table, *MakeBatch({{"n", arrow::int32(), "[1, 2]"}}), {1});
  short_count.record_count = 3;
  EXPECT_EQ(error(short_count).kind, ErrorKind::kCorruption);
  EXPECT_THAT(error(short_count).message, HasSubstr("2 rows"));

  iceberg::DataFile absent;
  absent.file_path = io::FileLocation(table.directory() + "/absent.parquet");
  EXPECT_EQ(error(absent).kind, ErrorKind::kCorruption) << "the table names it";

  for (const std::string& bytes : {std::string("no parquet at all, only text"), std::string("PAR1"),
                                   std::string(), "PAR1" + std::string(100, '\xff') + "PAR1"}) {
    iceberg::DataFile garbage;
    const std::string path = table.directory() + "/garbage.parquet";
    std::ofstream(path) << bytes;
    garbage.file_path = io::FileLocation(path);
    garbage.file_size_in_bytes = static_cast<int64_t>(bytes.size());
    EXPECT_EQ(error(garbage).kind, ErrorKind::kCorruption) << error(garbage).message;
    EXPECT_THAT(error(garbage).message, HasSubstr("garbage.parquet"));
  }
}

// Files of three rows each, the first of them begins with `first`.
std::vector<iceberg::ScanTask> SmallFiles(TestTable& table, int64_t first, int64_t count) {
  std::vector<iceberg::ScanTask> tasks;
  for (int64_t id = first; id < first + 3 * count; id += 3) {
    const std::string texts = id % 2 == 0 ? R"(["a", "b", "a"])" : R"([null, "ccc", null])";
    const std::string ids = "[" + std::to_string(id) + ", " + std::to_string(id + 1) + ", " +
                            std::to_string(id + 2) + "]";
    const auto files =
        table.Write({MakeBatch({{"id", arrow::int64(), ids}, {"text", arrow::utf8(), texts}})});
    tasks.push_back({.file = files.at(0), .deletes = {}});
  }
  return tasks;
}

struct ReadTogether {
  std::string ids;
  std::string texts;
  std::vector<int64_t> batches;  // their rows
  Status status;
};

ReadTogether ReadTasks(TestTable& table, const std::vector<iceberg::ScanTask>& tasks,
                       const iceberg::Schema& projection) {
  ReadTogether result;
  arrow::RecordBatchVector batches;
  const auto reader = OpenScanTasks(table.fs(), tasks, projection).value();
  while (true) {
    auto batch = reader->Next();
    if (!batch) result.status = tl::unexpected<Error>(batch.error());
    if (!batch || *batch == nullptr) break;
    result.batches.push_back((*batch)->num_rows());
    batches.push_back(*std::move(batch));
  }
  const auto all =
      arrow::Table::FromRecordBatches(*ToArrowSchema(projection), batches).ValueOrDie();
  result.ids = ColumnText(*all, "id");
  result.texts = ColumnText(*all, "text");
  return result;
}

const std::vector<iceberg::Field> kIdAndText = {{1, "id", iceberg::LongType(), false, ""},
                                                {2, "text", iceberg::StringType(), false, ""}};

TEST(JoinedFiles, AreOneToTheirReader) {
  TestTable table(kIdAndText);
  const auto tasks = SmallFiles(table, 0, 5);
  EXPECT_EQ(TasksToJoin(tasks), 5U);
  const auto read = ReadTasks(table, tasks, table.schema());
  ASSERT_TRUE(read.status) << read.status.error().message;
  EXPECT_EQ(read.batches, std::vector<int64_t>{15});
  EXPECT_EQ(read.ids, "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14");
  EXPECT_EQ(read.texts, "a,b,a,null,ccc,null,a,b,a,null,ccc,null,a,b,a");
}

TEST(JoinedFiles, OthersAreReadInTheirPlace) {
  TestTable table(kIdAndText);
  auto tasks = SmallFiles(table, 0, 3);
  // One without the texts, one of another writer, and one that lost a row.
  table.metadata().schemas.front().fields.pop_back();
  tasks.push_back(
      {.file = table.Write({MakeBatch({{"id", arrow::int64(), "[20]"}})}).at(0), .deletes = {}});
  table.metadata().schemas.front().fields = kIdAndText;
  tasks.push_back({.file = ForeignFile(table,
                                       *MakeBatch({{"id", arrow::int32(), "[30, 31]"},
                                                   {"text", arrow::utf8(), R"(["x", "y"])"}}),
                                       {1, 2}),
                   .deletes = {}});
  auto more = SmallFiles(table, 40, 3);
  more[1].deletes.push_back(
      WritePositionDeletes(table.directory() + "/deletes.parquet", {{more[1].file.file_path, 1}}));
  tasks.insert(tasks.end(), more.begin(), more.end());
  EXPECT_EQ(TasksToJoin(tasks), 6U);
  EXPECT_EQ(TasksToJoin(std::span(tasks).subspan(6)), 1U);
  const auto read = ReadTasks(table, tasks, table.schema());
  ASSERT_TRUE(read.status) << read.status.error().message;
  EXPECT_EQ(read.batches, (std::vector<int64_t>{9, 1, 2, 3, 2, 3}));
  EXPECT_EQ(read.ids, "0,1,2,3,4,5,6,7,8,20,30,31,40,41,42,43,45,46,47,48");
  EXPECT_EQ(read.texts, "a,b,a,null,ccc,null,a,b,a,null,x,y,a,b,a,null,null,a,b,a");
}

TEST(JoinedFiles, DamageIsToldOfItsFile) {
  TestTable table(kIdAndText);
  const auto tasks = SmallFiles(table, 0, 5);
  const std::string path = io::LocalPath(tasks[3].file.file_path).value();
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto footer = parquet::ParquetFileReader::OpenFile(path)->metadata();
  const auto chunk = footer->RowGroup(0)->ColumnChunk(1);
  file.seekp(chunk->dictionary_page_offset() + chunk->total_compressed_size() - 1);
  file.put('\x55');
  file.close();
  const auto read = ReadTasks(table, tasks, table.schema());
  ASSERT_FALSE(read.status);
  EXPECT_EQ(read.status.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(read.status.error().message, HasSubstr(tasks[3].file.file_path));
}

TEST(ArrowSchema, ThereAndBack) {
  iceberg::Schema schema{.fields = {{5, "a", iceberg::LongType(), true, ""},
                                    {2, "b", MakeType(TypeId::kDecimal, 9, 2), false, ""},
                                    {3, "c", iceberg::TimestamptzType(), false, ""},
                                    {4, "d", MakeType(TypeId::kTimestamp), false, ""},
                                    {6, "e", MakeType(TypeId::kFloat), false, ""}},
                         .identifier_field_ids = {}};
  auto arrow_schema = ToArrowSchema(schema);
  ASSERT_TRUE(arrow_schema);
  auto back = FromArrowSchema(**arrow_schema);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, schema);
}

TEST(ArrowSchema, GivesIdsAndWidensWhereNeeded) {
  auto schema = FromArrowSchema(*arrow::schema(
      {arrow::field("a", arrow::uint32()), arrow::field("b", arrow::large_utf8()),
       arrow::field("c", arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Prague"), false),
       arrow::field("d", arrow::int8())
           ->WithMetadata(arrow::key_value_metadata({"PARQUET:field_id"}, {"1"}))}));
  ASSERT_TRUE(schema);
  EXPECT_EQ(schema->fields[0], (iceberg::Field{2, "a", iceberg::LongType(), false, ""}));
  EXPECT_EQ(schema->fields[1], (iceberg::Field{3, "b", iceberg::StringType(), false, ""}));
  EXPECT_EQ(schema->fields[2], (iceberg::Field{4, "c", iceberg::TimestamptzType(), true, ""}));
  EXPECT_EQ(schema->fields[3], (iceberg::Field{1, "d", iceberg::IntType(), false, ""}));
  auto refused = FromArrowSchema(*arrow::schema({arrow::field("l", arrow::list(arrow::int32()))}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("column l"));
}

}  // namespace
}  // namespace octolake::datafile
