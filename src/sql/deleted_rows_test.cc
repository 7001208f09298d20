#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "datafile/foreign_file_for_test.h"
#include "datafile/table_for_test.h"
#include "io/local_file_system.h"
#include "sql/session_for_test.h"

namespace octolake::sql {
namespace {

using datafile::ColumnText;
using datafile::MakeBatch;
using datafile::TestTable;
using ::testing::HasSubstr;

// Three files of four rows in a folder with odd signs, the names of columns those that DuckDB gives
// to a row's place. The first file stays whole.
class DeletedRowsTest : public ::testing::Test {
 protected:
  DeletedRowsTest() {
    for (int file = 0; file < 3; ++file) {
      WriterOptions options;
      options.row_group_rows = 3;
      std::string numbers;
      for (int row = 0; row < 4; ++row) {
        numbers += (row == 0 ? "[" : ", ") + std::to_string(10 * file + row);
      }
      tasks_.push_back(
          {.file = table_
                       .Write({MakeBatch({{"file_row_number", arrow::int64(), numbers + "]"}})},
                              options)
                       .at(0),
           .snapshot_id = 1,
           .sequence_number = 1});
    }
  }
  using WriterOptions = datafile::WriterOptions;

  iceberg::DataFile Deletes(const std::vector<datafile::DeletedRow>& rows) {
    static int number = 0;
    return datafile::WritePositionDeletes(
        table_.directory() + "/it's a [d]elete " + std::to_string(number++) + ".parquet", rows);
  }
  const std::string& Path(size_t file) const { return tasks_[file].file.file_path; }
  std::string Numbers(Session& session, const std::string& where = "") {
    return ColumnText(
        *Rows(session, "SELECT file_row_number FROM demo.silver.events " + where + " ORDER BY 1"),
        "file_row_number");
  }

  TestTable table_{{{1, "file_row_number", iceberg::LongType(), false, ""},
                    {2, "filename", iceberg::StringType(), false, ""}},
                   {},
                   "we[i]rd *d?r's/k=1"};
  std::vector<iceberg::ScanTask> tasks_;
};

TEST_F(DeletedRowsTest, LeavesOutDeletedRows) {
  const auto both = Deletes({{Path(1), 3}, {Path(2), 0}, {"file:///other", 1}});
  tasks_[1].deletes = {both, Deletes({{Path(1), 0}, {Path(1), 3}})};
  tasks_[2].deletes = {both, Deletes({})};
  auto session = Open(OptionsFor(table_.directory()));
  ASSERT_TRUE(session->AddRelation(kEvents, table_.schema(), tasks_));
  EXPECT_EQ(Numbers(*session), "0,1,2,3,11,12,21,22,23");
  EXPECT_EQ(Numbers(*session, "WHERE file_row_number > 11"), "12,21,22,23");
  EXPECT_EQ(*session->QueryInteger("SELECT count(*) FROM demo.silver.events"), 9);
  EXPECT_EQ(*session->QueryInteger("SELECT count(filename) FROM demo.silver.events"), 0);
  const auto rows = Rows(*session, "FROM demo.silver.events LIMIT 0");
  EXPECT_EQ(rows->schema()->ToString(), "file_row_number: int64\nfilename: string");
  ASSERT_TRUE(session->Sandbox());
  EXPECT_EQ(Numbers(*session), "0,1,2,3,11,12,21,22,23");
}

TEST_F(DeletedRowsTest, ADeleteFileCountsOnlyForTheTasksThatHaveIt) {
  // The second file is newer than this delete file, which knew another of its path.
  const auto old = Deletes({{Path(1), 1}, {Path(2), 1}});
  tasks_[1].deletes = {Deletes({{Path(1), 0}})};
  tasks_[2].deletes = {old};
  auto session = Open(OptionsFor(table_.directory()));
  ASSERT_TRUE(session->AddRelation(kEvents, table_.schema(), tasks_));
  EXPECT_EQ(Numbers(*session), "0,1,2,3,11,12,13,20,22,23");
  tasks_.erase(tasks_.begin(), tasks_.begin() + 2);
  ASSERT_TRUE(session->AddRelation(kEvents, table_.schema(), tasks_));
  EXPECT_EQ(Numbers(*session), "20,22,23");
}

TEST_F(DeletedRowsTest, PrunedRelationsKeepTheirDeletes) {
  tasks_[1].deletes = {Deletes({{Path(1), 2}})};
  tasks_[2].deletes = {Deletes({{Path(2), 2}})};
  auto session = Open(OptionsFor(table_.directory()));
  const auto metadata = std::make_shared<iceberg::TableMetadata>(table_.metadata());
  ASSERT_TRUE(session->AddPrunedRelation(kEvents, table_.schema(), tasks_, metadata));
  ASSERT_TRUE(session->Sandbox());
  // Only the file that can match is there still.
  std::filesystem::remove(*io::LocalPath(Path(0)));
  std::filesystem::remove(*io::LocalPath(Path(1)));
  EXPECT_EQ(Numbers(*session, "WHERE file_row_number >= 20"), "20,21,23");
}

TEST_F(DeletedRowsTest, RefusesDeletesThatAreNoParquet) {
  tasks_[1].deletes = {Deletes({})};
  tasks_[1].deletes[0].file_format = "AVRO";
  auto session = Open(OptionsFor(table_.directory()));
  const auto added = session->AddRelation(kEvents, table_.schema(), tasks_);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(added.error().message, HasSubstr(tasks_[1].deletes[0].file_path));
}

}  // namespace
}  // namespace octolake::sql
