#include "datafile/position_deletes.h"

#include <arrow/builder.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "datafile/foreign_file_for_test.h"
#include "datafile/table_for_test.h"
#include "iceberg/delete_files.h"

namespace octolake::datafile {
namespace {

using ::testing::HasSubstr;

constexpr int kPathId = iceberg::kDeleteFilePathId;
constexpr int kPosId = iceberg::kDeletePosId;

std::string JsonTexts(const std::vector<std::string>& texts) {
  std::string json;
  for (const std::string& text : texts) json += (json.empty() ? "[\"" : ",\"") + text + "\"";
  return json.empty() ? "[]" : json + "]";
}

class PositionDeletesTest : public ::testing::Test {
 protected:
  // Column n counts from 0 up.
  iceberg::DataFile Numbers(int64_t rows, int64_t row_group_rows) {
    arrow::Int64Builder numbers;
    for (int64_t i = 0; i < rows; ++i) EXPECT_TRUE(numbers.Append(i).ok());
    WriterOptions options;
    options.row_group_rows = row_group_rows;
    const auto schema = arrow::schema({arrow::field("n", arrow::int64())});
    const arrow::ArrayVector columns = {numbers.Finish().ValueOrDie()};
    return table_.Write({arrow::RecordBatch::Make(schema, rows, columns)}, options).at(0);
  }

  std::string NewPath() {
    return table_.directory() + "/deletes" + std::to_string(written_++) + ".parquet";
  }

  iceberg::DataFile Write(const std::vector<TestColumn>& columns, const std::vector<int>& ids,
                          const ForeignFileOptions& options = {}) {
    return WriteForeignFile(NewPath(), *MakeBatch(columns), ids, options);
  }

  iceberg::DataFile Deletes(const std::vector<std::string>& paths, const std::vector<int64_t>& rows,
                            int64_t row_group_rows = 1000) {
    std::vector<DeletedRow> deleted;
    for (size_t i = 0; i < rows.size(); ++i) deleted.push_back({paths[i], rows[i]});
    return WritePositionDeletes(NewPath(), deleted, {.row_group_rows = row_group_rows});
  }

  std::vector<int64_t> Rows(const iceberg::DataFile& file,
                            const std::vector<iceberg::DataFile>& deletes,
                            const ReadFileOptions& options = {}) {
    auto reader =
        OpenScanTask(table_.fs(), {.file = file, .deletes = deletes}, table_.schema(), options);
    EXPECT_TRUE(reader) << reader.error().message;
    std::vector<int64_t> rows;
    while (reader) {
      auto batch = (*reader)->Next();
      EXPECT_TRUE(batch) << batch.error().message;
      if (!batch || *batch == nullptr) break;
      EXPECT_GT((*batch)->num_rows(), 0);
      const auto& numbers = static_cast<const arrow::Int64Array&>(*(*batch)->column(0));
      for (int64_t i = 0; i < numbers.length(); ++i) rows.push_back(numbers.Value(i));
    }
    return rows;
  }

  Error Failure(const iceberg::DataFile& file, const std::vector<iceberg::DataFile>& deletes) {
    auto rows = ReadPositionDeletes(table_.fs(), file, deletes);
    return rows ? Error{ErrorKind::kNotFound, "no error"} : rows.error();
  }

  TestTable table_{{{1, "n", iceberg::LongType(), false, ""}}};
  int written_ = 0;
};

TEST_F(PositionDeletesTest, LeavesOutRowsOfManyFilesAndRowGroups) {
  const auto file = Numbers(10, 3);
  const std::string path = file.file_path;
  const std::vector<iceberg::DataFile> deletes = {
      Deletes({path, path, "file:///other"}, {0, 4, 1}),
      Deletes({"file:///other", path, path, path}, {2, 4, 8, 9}, 2), Deletes({}, {})};
  EXPECT_EQ(Rows(file, deletes), (std::vector<int64_t>{1, 2, 3, 5, 6, 7}));
  EXPECT_EQ(Rows(file, deletes, {.batch_rows = 2}), (std::vector<int64_t>{1, 2, 3, 5, 6, 7}));
  EXPECT_EQ(Rows(file, {}), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const auto rows = ReadPositionDeletes(table_.fs(), file, deletes).value();
  EXPECT_EQ(rows.size(), 4);
  EXPECT_TRUE(rows.Contains(9));
  EXPECT_FALSE(rows.Contains(10));
}

TEST_F(PositionDeletesTest, AFileMayLoseAllItsRows) {
  const auto file = Numbers(4, 2);
  EXPECT_TRUE(
      Rows(file, {Deletes(std::vector<std::string>(4, file.file_path), {0, 1, 2, 3})}).empty());
}

TEST_F(PositionDeletesTest, RowsWithoutColumnsAreCounted) {
  const auto file = Numbers(10, 4);
  auto reader = OpenScanTask(
      table_.fs(), {.file = file, .deletes = {Deletes({file.file_path}, {7})}}, iceberg::Schema{});
  ASSERT_TRUE(reader) << reader.error().message;
  int64_t rows = 0;
  while (const auto batch = (*reader)->Next().value()) rows += batch->num_rows();
  EXPECT_EQ(rows, 9);
}

TEST_F(PositionDeletesTest, AsOtherEnginesWriteThem) {
  const auto file = Numbers(70'000, 1'000'000);
  const std::string both = JsonTexts({file.file_path, file.file_path});
  // Columns in another order, with others between them, of other types, unsorted, plainly encoded.
  const auto odd = Write({{"p", arrow::int32(), "[69999, 1]"},
                          {"row", arrow::utf8(), R"(["x", "y"])"},
                          {"f", arrow::large_utf8(), both}},
                         {kPosId, 1, kPathId}, {.row_group_rows = 1, .dictionary = false});
  const auto dictionary =
      Write({{"file_path", arrow::dictionary(arrow::int32(), arrow::utf8()), both},
             {"pos", arrow::int64(), "[2, 65536]"}},
            {kPathId, kPosId});
  const auto rows = Rows(file, {odd, dictionary});
  ASSERT_EQ(rows.size(), 69'996U);
  EXPECT_EQ(rows[0], 0);
  EXPECT_EQ(rows[1], 3);
  EXPECT_EQ(rows[65'533], 65'535);
  EXPECT_EQ(rows[65'534], 65'537);
  EXPECT_EQ(rows.back(), 69'998);
}

TEST_F(PositionDeletesTest, RandomRowsOfRandomFiles) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    const int64_t count = 1 + static_cast<int64_t>(random() % 300);
    const auto file = Numbers(count, 1 + static_cast<int64_t>(random() % 50));
    std::set<int64_t> live;
    for (int64_t row = 0; row < count; ++row) live.insert(row);
    std::vector<iceberg::DataFile> deletes;
    for (uint32_t i = random() % 4; i > 0; --i) {
      std::vector<std::string> paths;
      std::vector<int64_t> rows;
      for (uint32_t row = random() % 60; row > 0; --row) {
        const bool ours = random() % 3 > 0;
        paths.push_back(ours ? file.file_path : file.file_path + std::to_string(random() % 5));
        rows.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(count)));
        if (ours) live.erase(rows.back());
      }
      deletes.push_back(Deletes(paths, rows, 1 + static_cast<int64_t>(random() % 20)));
    }
    EXPECT_EQ(Rows(file, deletes, {.batch_rows = 1 + static_cast<int64_t>(random() % 40)}),
              std::vector<int64_t>(live.begin(), live.end()))
        << "round " << round;
  }
}

TEST_F(PositionDeletesTest, NamesWhatIsWrong) {
  const auto file = Numbers(3, 3);
  const std::string path = JsonTexts({file.file_path});
  struct Case {
    iceberg::DataFile deletes;
    std::string expected;
  };
  std::vector<Case> cases = {
      {Deletes({file.file_path}, {3}), "deletes row 3"},
      {Deletes({file.file_path}, {-1}), "deletes row -1"},
      {Write({{"pos", arrow::int64(), "[1]"}}, {kPosId}), "no column file_path"},
      {Write({{"file_path", arrow::utf8(), path}}, {kPathId}), "no column pos"},
      {Write({{"file_path", arrow::utf8(), path}, {"pos", arrow::utf8(), R"(["1"])"}},
             {kPathId, kPosId}),
       "column pos"},
      {Write({{"file_path", arrow::utf8(), path}, {"pos", arrow::int64(), "[null]"}},
             {kPathId, kPosId}),
       "without file_path or pos"}};
  cases.push_back({cases[0].deletes, "damaged"});
  cases.back().deletes.record_count = 2;
  cases.push_back({cases[0].deletes, "does not exist"});
  cases.back().deletes.file_path += ".gone";
  for (const Case& one : cases) {
    const Error error = Failure(file, {one.deletes});
    EXPECT_EQ(error.kind, ErrorKind::kCorruption) << error.message;
    EXPECT_THAT(error.message, HasSubstr(one.expected));
    EXPECT_THAT(error.message, HasSubstr(one.deletes.file_path));
  }
  iceberg::DataFile avro = cases[0].deletes;
  avro.file_format = "AVRO";
  EXPECT_EQ(Failure(file, {avro}).kind, ErrorKind::kUnsupported);
  // What other files lose is not looked at.
  EXPECT_TRUE(
      ReadPositionDeletes(table_.fs(), file, {Deletes({"file:///other"}, {99})}).value().empty());
}

}  // namespace
}  // namespace octolake::datafile
