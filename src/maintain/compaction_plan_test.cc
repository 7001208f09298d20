#include "maintain/compaction_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "iceberg/table_for_test.h"

namespace octolake::maintain {
namespace {

using iceberg::DataFile;
using iceberg::ScanTask;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kToday = 20'000;

class CompactionPlanTest : public ::testing::Test {
 protected:
  CompactionPlanTest() { scope_.sizes.target = 100; }

  void Add(const std::string& name, int32_t day, int64_t bytes) {
    ScanTask task;
    task.file = table_.File(name, day, 10);
    task.file.file_size_in_bytes = bytes;
    task.sequence_number = std::ssize(files_) + 1;
    files_.push_back(std::move(task));
  }
  void AddMany(int count, int32_t day, int64_t bytes) {
    for (int i = 0; i < count; ++i) Add("f" + std::to_string(files_.size()), day, bytes);
  }
  std::vector<CompactionGroup> Plan() {
    auto groups = PlanCompaction(*table_.Metadata(), files_, scope_, kToday);
    EXPECT_TRUE(groups) << groups.error().message;
    return groups.value_or(std::vector<CompactionGroup>());
  }
  static std::vector<std::string> Names(const CompactionGroup& group) {
    return iceberg::TestTable::Names(group.files);
  }

  iceberg::TestTable table_;
  std::vector<ScanTask> files_;
  CompactionScope scope_;
};

TEST_F(CompactionPlanTest, TakesSmallFilesOfAPartitionWhenThereAreEnough) {
  AddMany(4, 1, 10);
  AddMany(5, 2, 10);
  Add("large", 2, 90);
  const auto groups = Plan();
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0].partition, iceberg::PartitionValues{iceberg::Literal(int32_t{2})});
  EXPECT_THAT(Names(groups[0]), ElementsAre("f4", "f5", "f6", "f7", "f8"));
  EXPECT_EQ(groups[0].bytes, 50);
  EXPECT_EQ(groups[0].rows, 50);
}

TEST_F(CompactionPlanTest, FewerAreEnoughWhereTheyFillAFile) {
  AddMany(2, 1, 60);
  EXPECT_THAT(Plan(), SizeIs(1));
  files_.clear();
  AddMany(2, 1, 40);
  EXPECT_THAT(Plan(), IsEmpty());
}

TEST_F(CompactionPlanTest, SplitsWhatIsTooLarge) {
  Add("large", 1, 181);
  EXPECT_THAT(Plan(), SizeIs(1));
  files_.clear();
  Add("not too large", 1, 180);
  EXPECT_THAT(Plan(), IsEmpty());
}

TEST_F(CompactionPlanTest, LeavesOldDaysAlone) {
  AddMany(5, kToday - 8, 10);
  AddMany(5, kToday - 7, 10);
  AddMany(5, kToday, 10);
  EXPECT_THAT(Plan(), SizeIs(3));
  scope_.days_back = 7;
  const auto groups = Plan();
  ASSERT_THAT(groups, SizeIs(2));
  EXPECT_EQ(groups[0].partition, iceberg::PartitionValues{iceberg::Literal(int32_t{kToday - 7})});
}

TEST_F(CompactionPlanTest, DividesALargePartition) {
  AddMany(25, 1, 50);
  scope_.max_group_bytes = 500;
  const auto groups = Plan();
  ASSERT_THAT(groups, SizeIs(3));
  EXPECT_EQ(groups[0].bytes, 500);
  EXPECT_EQ(groups[2].bytes, 250);
  // A last file alone has nobody to go together with.
  files_.clear();
  AddMany(11, 1, 50);
  EXPECT_THAT(Plan(), SizeIs(1));
}

TEST_F(CompactionPlanTest, FileByFileNothingIsLeftOver) {
  scope_.file_by_file = true;
  AddMany(32, 1, 10);
  const auto groups = Plan();
  ASSERT_THAT(groups, SizeIs(3));
  for (const CompactionGroup& group : groups) {
    EXPECT_GE(group.bytes, 100);
    EXPECT_LE(group.bytes, 110);
  }
  EXPECT_THAT(Names(groups[0]),
              ElementsAre("f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10"));
  // What is less than one and a half files becomes one.
  files_.clear();
  AddMany(14, 1, 10);
  EXPECT_THAT(Plan(), SizeIs(1));
}

// Whatever the sizes: each run leaves fewer files, until a run finds nothing to do.
TEST_F(CompactionPlanTest, FileByFileComesToAnEnd) {
  scope_.file_by_file = true;
  for (int seed = 1; seed <= 50; ++seed) {
    files_.clear();
    for (int i = 0; i < 40; ++i) {
      Add("f" + std::to_string(i), 1, 1 + (int64_t{seed} * 7919 * (i + 1) * (i + 3)) % 200);
    }
    for (auto groups = Plan(); !groups.empty(); groups = Plan()) {
      std::vector<ScanTask> left;
      for (const ScanTask& task : files_) {
        const bool rewritten = std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
          return std::any_of(group.files.begin(), group.files.end(), [&](const auto& file) {
            return file.file.file_path == task.file.file_path;
          });
        });
        if (!rewritten) left.push_back(task);
      }
      const size_t before = files_.size();
      files_ = std::move(left);
      for (const CompactionGroup& group : groups) {
        // A file that is too large is divided into pieces of the target's size and a rest.
        const bool divided = group.bytes > MostOfAFile(scope_.sizes);
        ASSERT_TRUE(divided || group.files.size() > 1);
        for (int64_t rest = group.bytes; rest > 0; rest -= divided ? scope_.sizes.target : rest) {
          Add("g" + std::to_string(files_.size()), 1,
              divided ? std::min(rest, scope_.sizes.target) : rest);
        }
      }
      const bool any_divided = std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
        return group.bytes > MostOfAFile(scope_.sizes);
      });
      ASSERT_TRUE(any_divided || files_.size() < before);
    }
  }
}

TEST_F(CompactionPlanTest, LargerFilesWaitForTheirTier) {
  for (const int64_t bytes : {5, 2, 4, 3, 6}) AddMany(1, 1, bytes);
  Add("remainder", 1, 60);
  EXPECT_THAT(Plan(), SizeIs(1));
  scope_.by_tiers = true;
  const auto small = Plan();
  ASSERT_THAT(small, SizeIs(1));
  EXPECT_THAT(Names(small[0]), ElementsAre("f0", "f1", "f2", "f3", "f4"));
  // Once the small ones have grown, it goes with them.
  AddMany(25, 1, 2);  // 70 bytes now
  EXPECT_EQ(Plan().at(0).files.size(), 31U);
}

// A read applies deletes each time, however large the file; what is only to be divided can wait.
TEST_F(CompactionPlanTest, ATierHasFilesWithDeletesAndNoneThatAreToBeDivided) {
  scope_.by_tiers = true;
  AddMany(5, 1, 2);
  Add("of another engine", 1, 100'000);
  Add("with deletes", 1, 60);
  files_.back().deletes.emplace_back();
  const auto groups = Plan();
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_THAT(Names(groups[0]), ElementsAre("f0", "f1", "f2", "f3", "f4", "with deletes"));
}

TEST_F(CompactionPlanTest, TakesAllFilesIfAsked) {
  Add("good", 1, 100);
  Add("large", 1, 150);
  EXPECT_THAT(Plan(), IsEmpty());
  scope_.all_files = true;
  const auto groups = Plan();
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_THAT(Names(groups[0]), ElementsAre("good", "large"));
}

TEST_F(CompactionPlanTest, RefusesSizesThatMakeNoSense) {
  scope_.sizes.at_least = 101;
  const auto refused = PlanCompaction(*table_.Metadata(), files_, scope_, kToday);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace octolake::maintain
