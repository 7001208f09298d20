// Rows that another engine deleted by position, in tables that octolake reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "datafile/foreign_file_for_test.h"
#include "iceberg/row_delta_for_test.h"
#include "iceberg/transaction.h"
#include "lake/table_check.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr char kDay[] = "2015-01-01T12:00:00Z";

class LastProgress final : public ProgressListener {
 public:
  void OnProgress(const Progress& progress) override {
    done = progress.done;
    total = progress.total;
  }
  int64_t done = 0;
  int64_t total = 0;
};

class DeletedRowsTest : public WarehouseTest {
 protected:
  std::string LoadEvents(const std::vector<std::string>& ids) {
    std::string lines;
    for (const std::string& id : ids) lines += EventLine(id, kDay);
    std::string path = WriteFile(std::to_string(++files_) + ".json", lines);
    EXPECT_EQ(Load({path}).files.at(0).error, "");
    return path;
  }

  std::vector<iceberg::ScanTask> Tasks(const iceberg::TableIdentifier& name) {
    return Must(
        iceberg::PlanScan(warehouse_->file_system(), *LoadTable(name).metadata, std::nullopt, {}));
  }

  // Deletes the rows of a table whose `column` is one of the values, as merge-on-read does: one
  // delete file for each partition.
  iceberg::DataFile Delete(const iceberg::TableIdentifier& name, const std::string& column,
                           const std::set<std::string>& values) {
    std::vector<datafile::DeletedRow> rows;
    const auto columns = Must(SelectColumns(LoadTable(name), {column}));
    auto tasks = Tasks(name);
    iceberg::RowDelta delta;
    for (const iceberg::ScanTask& task : tasks) {
      auto reader = Must(datafile::OpenDataFile(warehouse_->file_system(), task.file, columns));
      int64_t pos = 0;
      while (const auto batch = Must(reader->Next())) {
        for (int64_t i = 0; i < batch->num_rows(); ++i, ++pos) {
          const std::string value = batch->column(0)->GetScalar(i).ValueOrDie()->ToString();
          if (values.contains(value)) rows.push_back({task.file.file_path, pos});
        }
      }
    }
    EXPECT_THAT(rows, Not(IsEmpty()));
    auto deletes = datafile::WritePositionDeletes(
        directory_ + "/deletes" + std::to_string(++files_) + ".parquet", rows);
    deletes.partition = tasks.at(0).file.partition;
    deletes.spec_id = tasks.at(0).file.spec_id;
    delta.deletes.push_back(deletes);
    iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
    transaction.Add(name, iceberg::CommitRowDelta(std::move(delta)));
    Must(transaction.Commit());
    return deletes;
  }

  std::vector<std::string> SilverIds() { return Column(ParsedEvents({}), "event_id"); }

  int files_ = 0;
};

// How many keys Silver deduplicates at once: all, or part by part.
class DeletedRowsInPartsTest : public DeletedRowsTest,
                               public testing::WithParamInterface<int64_t> {};

INSTANTIATE_TEST_SUITE_P(KeysAtOnce, DeletedRowsInPartsTest, testing::Values(1'000'000, 2));

TEST_P(DeletedRowsInPartsTest, SilverHasNoneOfThem) {
  LoadEvents({"1", "2", "3", "4"});
  LoadEvents({"5", "6"});
  LoadEvents({"7", "8", "9"});
  Delete(BronzeEvents({}), "id", {"1", "3", "5", "6"});
  SilverOptions options;
  options.keys_at_once = GetParam();
  LastProgress progress;
  const auto report = Must(RunSilver(*warehouse_, options, progress));
  EXPECT_EQ(report.bronze_rows, 5);
  EXPECT_EQ(report.added, 5);
  EXPECT_EQ(report.rescan_reason, "");
  EXPECT_EQ(progress.total, 9);
  EXPECT_EQ(progress.done, 9);
  EXPECT_THAT(SilverIds(), ElementsAre("2", "4", "7", "8", "9"));
}

TEST_F(DeletedRowsTest, ARowDeletedAfterSilverTookItCausesARescanAndStaysInSilver) {
  LoadEvents({"1", "2"});
  Silver();
  Delete(BronzeEvents({}), "id", {"2"});
  const int64_t deleted_by = *Bronze().metadata->current_snapshot_id;
  LoadEvents({"3"});
  const SilverReport report = Silver();
  EXPECT_THAT(report.rescan_reason, HasSubstr(std::to_string(deleted_by)));
  EXPECT_EQ(report.bronze_rows, 2);
  EXPECT_EQ(report.added, 1);
  EXPECT_THAT(SilverIds(), ElementsAre("1", "2", "3"));
  EXPECT_EQ(Silver().bronze_rows, 0);
  LoadEvents({"4"});
  EXPECT_EQ(Silver().bronze_rows, 1);
}

TEST_F(DeletedRowsTest, RowsThatSilverLostMayComeBack) {
  LoadEvents({"1", "2", "3"});
  Silver();
  Delete(ParsedEvents({}), "event_id", {"1", "3"});
  EXPECT_THAT(SilverIds(), ElementsAre("2"));
  SilverOptions options;
  options.rescan = true;
  EXPECT_EQ(Silver(options).added, 2);
  EXPECT_THAT(SilverIds(), UnorderedElementsAre("1", "2", "3"));
}

TEST_F(DeletedRowsTest, AFileWhoseRecordIsDeletedIsLoadedAgain) {
  const std::string first = LoadEvents({"1"});
  const std::string second = LoadEvents({"2"});
  Delete(LoadedFiles({}), "name", {first});
  Load({first, second});
  EXPECT_THAT(Column(BronzeEvents({}), "id"), UnorderedElementsAre("1", "2", "1"));
}

TEST_F(DeletedRowsTest, TheCheckLooksAtDeleteFilesToo) {
  LoadEvents({"1", "2"});
  LoadEvents({"3"});
  const auto deletes = Delete(BronzeEvents({}), "id", {"1", "3"});
  const auto check = [&](bool read_data) {
    return CheckTable(*warehouse_, BronzeEvents({}), {.read_data = read_data});
  };
  for (const bool read_data : {false, true}) {
    EXPECT_THAT(check(read_data).problems, IsEmpty());
    EXPECT_EQ(check(read_data).data_files, 2);
  }
  std::filesystem::resize_file(Must(io::LocalPath(deletes.file_path)), 100);
  EXPECT_THAT(check(false).problems, ElementsAre(HasSubstr(deletes.file_path)));
  EXPECT_THAT(check(true).problems, SizeIs(2));  // the rows of neither data file can be told
  std::filesystem::remove(Must(io::LocalPath(deletes.file_path)));
  EXPECT_THAT(check(false).problems, ElementsAre(HasSubstr("does not exist")));
}

}  // namespace
}  // namespace octolake::lake
