// A file that is not as it was written: no run computes or copies rows from it.
#include "model/page_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "datafile/file_check.h"
#include "iceberg/scan.h"
#include "model/run_for_test.h"

namespace octolake::model {
namespace {

using lake::Must;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Action = ModelReport::Action;

class PageCheckTest : public ModelRunTest {
 protected:
  // The live files of a table, those of the earliest day first.
  std::vector<iceberg::DataFile> Files(const iceberg::TableIdentifier& name) {
    std::vector<iceberg::DataFile> files;
    for (auto& task : Must(iceberg::PlanScan(warehouse_->file_system(), *LoadTable(name).metadata,
                                             std::nullopt, {}))) {
      files.push_back(std::move(task.file));
    }
    std::stable_sort(files.begin(), files.end(),
                     [](const auto& a, const auto& b) { return a.partition < b.partition; });
    return files;
  }

  // Flips a bit of a page.
  void Damage(const iceberg::DataFile& file) {
    const std::string path = file.file_path.substr(std::string("file://").size());
    std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(stream) << path;
    const auto at = static_cast<std::streamoff>(file.file_size_in_bytes / 4);
    stream.seekg(at);
    const int byte = stream.get();
    stream.seekp(at);
    stream.put(static_cast<char>(byte ^ 4));
    stream.close();
    ASSERT_FALSE(datafile::CheckPages(warehouse_->file_system(), file)) << "the bit meant nothing";
  }

  void ExpectWhole(const iceberg::TableIdentifier& name) {
    for (const iceberg::DataFile& file : Files(name)) {
      const auto checked = datafile::CheckPages(warehouse_->file_system(), file);
      EXPECT_TRUE(checked) << checked.error().message;
    }
  }

  // What Gold would be if nothing had happened to its files.
  std::vector<std::string> Refreshed() {
    RunOptions full;
    full.full_refresh = true;
    Run(full);
    return Rows(kGoldRows);
  }
};

// Its rows would be copied into a new file, with checksums that are right; what an increment leaves
// alone it still takes the cumulatives from.
TEST_F(PageCheckTest, ADamagedFileOfTheModelMeansAFullRefresh) {
  AddEvents(2'000);
  Run();
  ASSERT_GT(Files(kGold).size(), 1u);
  for (const bool earliest : {false, true}) {
    const iceberg::DataFile damaged = earliest ? Files(kGold).front() : Files(kGold).back();
    Damage(damaged);
    AddEvents(20);
    const auto reports = Run();
    EXPECT_EQ(reports[0].action, Action::kAppended);
    EXPECT_EQ(reports[1].action, Action::kFullRefresh) << "earliest: " << earliest;
    EXPECT_THAT(reports[1].reason, AllOf(HasSubstr(damaged.file_path), HasSubstr("is damaged")));
    ExpectWhole(kGold);
    const auto rows = Rows(kGoldRows);
    EXPECT_EQ(rows, Refreshed());
  }
  AddEvents(20);
  EXPECT_EQ(Run()[1].action, Action::kOverwritten);
}

TEST_F(PageCheckTest, AMissingFileOfTheModelMeansAFullRefresh) {
  AddEvents(300);
  Run();
  const iceberg::DataFile missing = Files(kGold).front();
  Must(warehouse_->file_system().Remove(missing.file_path));
  AddEvents(20);
  const auto reports = Run();
  EXPECT_EQ(reports[1].action, Action::kFullRefresh);
  EXPECT_THAT(reports[1].reason, AllOf(HasSubstr(missing.file_path), HasSubstr("does not exist")));
  EXPECT_EQ(Rows(kGoldRows), Refreshed());
}

// An increment also reads what the source had of the day before something new came.
TEST_F(PageCheckTest, ADamagedOlderFileOfTheSourceIsAnErrorUntilItIsMadeAnew) {
  AddEvents(300);
  Run();
  const iceberg::DataFile damaged = Files(kSilver).back();
  const auto gold = LoadTable(kGold).metadata->current_snapshot_id;
  Damage(damaged);
  AddEvents(20);
  const auto failed = TryRun();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(failed.error().message,
              AllOf(HasSubstr("model gold_user_activity: silver.silver_github_events: data file " +
                              damaged.file_path + " is damaged"),
                    HasSubstr("'octolake run --full-refresh' computes the table anew")));
  EXPECT_EQ(LoadTable(kGold).metadata->current_snapshot_id, gold);
  const auto rows = Refreshed();
  ExpectWhole(kSilver);
  EXPECT_EQ(Rows("SELECT sum(total_events)::BIGINT FROM gold.gold_user_activity"),
            Rows("SELECT count(*) FROM silver.github_events_parsed "
                 "WHERE coalesce(actor_id::VARCHAR, actor_login) IS NOT NULL"));
}

// What it does not read is looked at by `doctor --data`: else every increment would cost as much as
// the table is large.
TEST_F(PageCheckTest, AFileOfDaysBeforeAnythingNewIsNotRead) {
  AddEvents(3'000);
  Run();
  ASSERT_LT(Files(kSilver).front().partition, Files(kSilver).back().partition);
  Damage(Files(kSilver).front());
  AddEvents(20);
  EXPECT_EQ(Run()[1].action, Action::kOverwritten);
}

}  // namespace
}  // namespace octolake::model
