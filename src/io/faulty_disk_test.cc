#include "io/faulty_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/temp_directory_for_test.h"

namespace octolake::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FaultyDiskTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  bool Exists(const std::string& name) const { return std::filesystem::exists(Path(name)); }
  std::string Content(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Put(const std::string& name, const std::string& content) const {
    std::ofstream(Path(name), std::ios::binary) << content;
  }

  const TempDirectory temp_;
  const std::string directory_ = temp_.path();
};

const std::string kBytes(10'000, 'x');

TEST_F(FaultyDiskTest, WithoutAFaultItIsADiskThatCountsItsSteps) {
  FaultPlan plan;
  FaultyDisk disk(plan);
  const auto fs = disk.MakeFileSystem();
  ASSERT_TRUE(WriteAll(*fs, Path("d/a"), "abc"));
  EXPECT_EQ(ReadAll(*fs, Path("d/a"), 100).value(), "abc");
  EXPECT_EQ(fs->Stat("file://" + Path("d/a"))->size, 3);
  EXPECT_EQ(fs->List(directory_)->size(), 1u);
  EXPECT_EQ(fs->CreateNew(Path("d/a")).error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(fs->Open(Path("none")).error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(fs->Remove(Path("d/a")));
  EXPECT_EQ(fs->Remove(Path("d/a")).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(Exists("d/a"));
  using enum StepKind;
  EXPECT_THAT(plan.steps(), ElementsAre(kCreate, kWrite, kSync, kSyncDirectory, kOpen, kRead, kStat,
                                        kList, kCreate, kOpen, kRemove, kRemove));
  EXPECT_FALSE(plan.happened());
}

TEST_F(FaultyDiskTest, LargeFilesTakeSeveralWrites) {
  FaultPlan plan;
  FaultyDisk disk(plan);
  const auto fs = disk.MakeFileSystem();
  auto file = fs->CreateNew(Path("a")).value();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(file->Append(kBytes.substr(0, 1000)));
  EXPECT_EQ(file->size(), 10'000);
  ASSERT_TRUE(file->Close());
  EXPECT_EQ(Content("a"), kBytes);
  using enum StepKind;
  EXPECT_THAT(plan.steps(), ElementsAre(kCreate, kWrite, kWrite, kSync, kSyncDirectory));
}

// Each step of writing a file fails once; the file is gone when given up, and the next is written.
TEST_F(FaultyDiskTest, AFailedStepSpoilsItsFileAndNoOther) {
  for (int64_t step = 1; step <= 4; ++step) {
    FaultPlan plan({.step = step});
    FaultyDisk disk(plan);
    const auto fs = disk.MakeFileSystem();
    const Status written = WriteAll(*fs, Path("a"), kBytes);
    ASSERT_FALSE(written) << step;
    EXPECT_EQ(written.error().kind, ErrorKind::kIo);
    EXPECT_THAT(written.error().message, HasSubstr(Path("a")));
    EXPECT_THAT(written.error().message,
                HasSubstr(std::string(StepKindName(plan.steps()[step - 1]))));
    EXPECT_TRUE(plan.happened());
    EXPECT_FALSE(plan.dead());
    EXPECT_FALSE(Exists("a")) << step;
    EXPECT_TRUE(WriteAll(*fs, Path("a"), "again"));
    EXPECT_EQ(Content("a"), "again");
    ASSERT_TRUE(fs->Remove(Path("a")));
  }
}

TEST_F(FaultyDiskTest, AFileFailsForGoodOnceAWriteFailed) {
  FaultPlan plan({.step = 2});
  FaultyDisk disk(plan);
  auto file = disk.MakeFileSystem()->CreateNew(Path("a")).value();
  EXPECT_FALSE(file->Append(kBytes));
  EXPECT_FALSE(file->Append("more"));
  EXPECT_FALSE(file->Close());
  EXPECT_EQ(plan.steps().size(), 2u);
}

TEST_F(FaultyDiskTest, ATornWriteLeavesAPrefix) {
  std::set<size_t> lengths;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    FaultPlan plan({.step = 2, .effect = StepEffect::kTorn, .dies = true}, seed);
    FaultyDisk disk(plan);
    EXPECT_FALSE(WriteAll(*disk.MakeFileSystem(), Path("a"), kBytes));
    ASSERT_TRUE(Exists("a"));
    EXPECT_LT(Content("a").size(), kBytes.size());
    lengths.insert(Content("a").size());
    std::filesystem::remove(Path("a"));
  }
  EXPECT_GT(lengths.size(), 10u);
}

TEST_F(FaultyDiskTest, ALostReplyTakesEffect) {
  Put("old", "old");
  FaultPlan plan({.step = 1, .effect = StepEffect::kLosesReply});
  FaultyDisk disk(plan);
  EXPECT_FALSE(disk.MakeFileSystem()->Remove(Path("old")));
  EXPECT_FALSE(Exists("old"));

  FaultPlan create({.step = 1, .effect = StepEffect::kLosesReply});
  FaultyDisk other(create);
  EXPECT_FALSE(other.MakeFileSystem()->CreateNew(Path("a")));
  EXPECT_TRUE(Exists("a"));
}

TEST_F(FaultyDiskTest, ReadingFails) {
  Put("a", "abc");
  for (int64_t step = 1; step <= 2; ++step) {
    FaultPlan plan({.step = step});
    FaultyDisk disk(plan);
    const auto fs = disk.MakeFileSystem();
    EXPECT_EQ(ReadAll(*fs, Path("a"), 10).error().kind, ErrorKind::kIo);
    EXPECT_EQ(ReadAll(*fs, Path("a"), 10).value(), "abc");
  }
  FaultPlan plan({.step = 1});
  FaultyDisk disk(plan);
  EXPECT_EQ(disk.MakeFileSystem()->Stat(Path("a")).error().kind, ErrorKind::kIo);
  FaultPlan list_plan({.step = 1});
  FaultyDisk list_disk(list_plan);
  EXPECT_EQ(list_disk.MakeFileSystem()->List(directory_).error().kind, ErrorKind::kIo);
}

TEST_F(FaultyDiskTest, ADeadProcessChangesNothingMore) {
  Put("old", "old");
  FaultPlan plan({.step = 3, .dies = true});
  FaultyDisk disk(plan);
  const auto fs = disk.MakeFileSystem();
  {
    auto file = fs->CreateNew(Path("half")).value();
    ASSERT_TRUE(file->Append(kBytes));
    ASSERT_TRUE(file->Append("in the buffer"));
    EXPECT_FALSE(fs->Remove(Path("old")));
    EXPECT_TRUE(plan.dead());
    EXPECT_FALSE(file->Close());
  }
  EXPECT_EQ(Content("half"), kBytes) << "the file stays, without what was in the buffer";
  EXPECT_TRUE(Exists("old"));
  EXPECT_FALSE(fs->Open(Path("old")));
  EXPECT_FALSE(fs->Stat(Path("old")));
  EXPECT_FALSE(fs->List(directory_));
  EXPECT_FALSE(fs->CreateNew(Path("new")));
  EXPECT_FALSE(Exists("new"));
  EXPECT_EQ(plan.steps().size(), 3u);
}

TEST_F(FaultyDiskTest, APowerCutKeepsWhatWasSynced) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    FaultPlan plan({}, seed);
    FaultyDisk disk(plan);
    const auto fs = disk.MakeFileSystem();
    ASSERT_TRUE(WriteAll(*fs, Path("a"), kBytes));
    ASSERT_TRUE(disk.CutPower());
    EXPECT_EQ(Content("a"), kBytes);
    std::filesystem::remove(Path("a"));
  }
}

// Dying at the sync of the content, or at that of the name.
TEST_F(FaultyDiskTest, APowerCutLosesWhatWasNotSynced) {
  std::set<size_t> lengths;
  int gone = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    FaultPlan plan({.step = 3, .dies = true}, seed);
    FaultyDisk disk(plan);
    EXPECT_FALSE(WriteAll(*disk.MakeFileSystem(), Path("a"), kBytes));
    EXPECT_EQ(Content("a"), kBytes);
    ASSERT_TRUE(disk.CutPower());
    Exists("a") ? lengths.insert(Content("a").size()).second : ++gone;
    std::filesystem::remove(Path("a"));
  }
  EXPECT_GT(gone, 5);
  EXPECT_GT(lengths.size(), 5u);

  gone = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    FaultPlan plan({.step = 4, .dies = true}, seed);
    FaultyDisk disk(plan);
    EXPECT_FALSE(WriteAll(*disk.MakeFileSystem(), Path("a"), kBytes));
    ASSERT_TRUE(disk.CutPower());
    if (Exists("a")) {
      EXPECT_EQ(Content("a"), kBytes) << "the content was synced";
    } else {
      ++gone;
    }
    std::filesystem::remove(Path("a"));
  }
  EXPECT_GT(gone, 5);
  EXPECT_LT(gone, 35);
}

TEST_F(FaultyDiskTest, APowerCutBringsRemovedNamesBackUnlessTheirDirectoryWasSynced) {
  int back = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    FaultPlan plan({}, seed);
    FaultyDisk disk(plan);
    const auto fs = disk.MakeFileSystem();
    ASSERT_TRUE(WriteAll(*fs, Path("a"), kBytes));
    ASSERT_TRUE(fs->Remove(Path("a")));
    ASSERT_TRUE(disk.CutPower());
    if (Exists("a")) {
      EXPECT_EQ(Content("a"), kBytes);
      ++back;
    }
    std::filesystem::remove(Path("a"));

    ASSERT_TRUE(WriteAll(*fs, Path("a"), kBytes));
    ASSERT_TRUE(fs->Remove(Path("a")));
    ASSERT_TRUE(WriteAll(*fs, Path("b"), "its sync covers all names of the directory"));
    ASSERT_TRUE(disk.CutPower());
    EXPECT_FALSE(Exists("a"));
    EXPECT_TRUE(Exists("b"));
    ASSERT_TRUE(fs->Remove(Path("b")));
  }
  EXPECT_GT(back, 5);
  EXPECT_LT(back, 35);
}

}  // namespace
}  // namespace octolake::io
