#include "maintain/small_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/progress.h"
#include "iceberg/table_for_test.h"
#include "lake/warehouse_for_test.h"
#include "maintain/compaction.h"

namespace octolake::maintain {
namespace {

using iceberg::ScanTask;
using lake::BronzeEvents;
using lake::EventLine;
using lake::Must;

SmallFilePolicy PolicyOf(int64_t target, int64_t min_files, int64_t open_cost, int64_t reads) {
  SmallFilePolicy policy;
  policy.sizes.target = target;
  policy.min_files = min_files;
  policy.open_cost = open_cost;
  policy.reads = reads;
  return policy;
}

class SmallFilesTest : public ::testing::Test {
 protected:
  void AddMany(int count, int32_t day, int64_t bytes) {
    for (int i = 0; i < count; ++i) {
      ScanTask task;
      task.file = table_.File("f" + std::to_string(files_.size()), day, 10);
      task.file.file_size_in_bytes = bytes;
      task.sequence_number = std::ssize(files_) + 1;
      files_.push_back(std::move(task));
    }
  }
  SmallFileCost Cost(const SmallFilePolicy& policy) {
    return Must(CostOfSmallFiles(*table_.Metadata(), files_, policy));
  }

  iceberg::TestTable table_;
  std::vector<ScanTask> files_;
};

TEST_F(SmallFilesTest, CostIsThatOfTheFilesThatWouldBeGone) {
  AddMany(5, 1, 10);   // become one
  AddMany(10, 2, 50);  // become five
  AddMany(3, 3, 75);   // large enough
  const SmallFileCost cost = Cost(PolicyOf(100, 100, 7, 1));
  EXPECT_EQ(cost.files, 15);
  EXPECT_EQ(cost.bytes, 550);
  EXPECT_EQ(cost.partitions, 2);
  EXPECT_EQ(cost.scan_cost, (4 + 5) * 7);
  EXPECT_FALSE(cost.pays);
}

TEST_F(SmallFilesTest, NothingCostsNothing) {
  EXPECT_EQ(Cost({}).scan_cost, 0);
  AddMany(1, 1, 10);
  const SmallFileCost cost = Cost(PolicyOf(100, 1, 1000, 1000));
  EXPECT_EQ(cost.files, 1);
  EXPECT_EQ(cost.scan_cost, 0);
  EXPECT_FALSE(cost.pays);
}

// (n - m) * open_cost * reads >= 2 * b, to the byte.
TEST_F(SmallFilesTest, PaysWhereReadsSaveWhatTheRewriteCosts) {
  AddMany(10, 1, 50);                                  // 500 bytes, 10 - 5 files
  EXPECT_TRUE(Cost(PolicyOf(100, 10, 10, 20)).pays);   // 1000
  EXPECT_FALSE(Cost(PolicyOf(100, 10, 9, 20)).pays);   // 900
  EXPECT_FALSE(Cost(PolicyOf(100, 10, 10, 19)).pays);  // 950
  EXPECT_FALSE(Cost(PolicyOf(100, 11, 10, 20)).pays);  // too few for a commit
  // Another partition's files do not help.
  AddMany(1, 2, 50);
  EXPECT_FALSE(Cost(PolicyOf(100, 11, 10, 20)).pays);
}

TEST_F(SmallFilesTest, AFileThatOutweighsTheOthersWaitsForMore) {
  AddMany(1, 1, 70);
  AddMany(6, 1, 5);
  EXPECT_FALSE(Cost(PolicyOf(100, 7, 1000, 10)).pays);
  AddMany(1, 1, 5);
  EXPECT_TRUE(Cost(PolicyOf(100, 7, 1000, 10)).pays);  // seven of five bytes
}

TEST_F(SmallFilesTest, DeletedRowsAreWorthItAtOnce) {
  AddMany(1, 1, 500);
  EXPECT_FALSE(Cost(PolicyOf(1000, 50, 1, 1)).pays);
  files_[0].deletes.push_back(table_.File("deletes", 1));
  EXPECT_TRUE(Cost(PolicyOf(1000, 50, 1, 1)).pays);
}

// A table that is only a little too large for its files is the daily job's.
TEST_F(SmallFilesTest, LargeFilesDoNotPay) {
  files_.clear();
  AddMany(1, 1, 500);
  EXPECT_FALSE(Cost(PolicyOf(100, 1, 1000, 1000)).pays);
}

class SmallFileWatchTest : public lake::WarehouseTest {
 protected:
  void LoadOne(const std::string& id) {
    Load({WriteFile(id + ".json", EventLine(id, "2015-01-01T12:00:00Z", "{}", "PushEvent"))});
  }
  SmallFileCost Look() { return Must(watch_.Look(*warehouse_, BronzeEvents({}), policy_)); }

  SmallFileWatch watch_;
  SmallFilePolicy policy_ = PolicyOf(int64_t{20} << 20, 4, 256 << 10, 16);
};

TEST_F(SmallFileWatchTest, ReadsManifestsOnlyOfWhatChanged) {
  for (const char* id : {"1", "2", "3"}) LoadOne(id);
  EXPECT_EQ(Look().files, 3);
  EXPECT_EQ(Look().scan_cost, 2 * (256 << 10));
  EXPECT_EQ(watch_.manifests_read(), 1);
  EXPECT_FALSE(Look().pays);
  LoadOne("4");
  EXPECT_TRUE(Look().pays);
  EXPECT_EQ(watch_.manifests_read(), 2);
  EXPECT_EQ(watch_.Last().at(BronzeEvents({})).files, 4);

  CompactionOptions options;
  options.scope = ScopeOf(policy_);
  IgnoreProgress progress;
  EXPECT_EQ(Must(Compact(*warehouse_, BronzeEvents({}), options, {}, progress)).files_before, 4);
  const SmallFileCost after = Look();
  EXPECT_EQ(after.files, 1);
  EXPECT_EQ(after.scan_cost, 0);
  EXPECT_FALSE(after.pays);

  watch_.Keep({});
  EXPECT_TRUE(watch_.Last().empty());
}

TEST_F(SmallFileWatchTest, ATableWithoutASnapshotHasNone) {
  Must(lake::CreateTables(*warehouse_));
  EXPECT_EQ(Look().files, 0);
  Look();
  EXPECT_EQ(watch_.manifests_read(), 1);
}

}  // namespace
}  // namespace octolake::maintain
