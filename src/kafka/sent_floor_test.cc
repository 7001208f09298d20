#include "kafka/sent_floor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/temp_directory_for_test.h"
#include "io/local_file_system.h"

namespace octolake::kafka {
namespace {

namespace fs = std::filesystem;

class SentFloorTest : public testing::Test {
 protected:
  SentFloorFile File() { return {*files_, directory(), journal_}; }
  std::string directory() const { return temp_.path() + "/journal"; }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory())) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void Put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(io::WriteAll(*files_, directory() + "/" + name, text));
  }
  std::optional<SentFloor> Read() {
    const auto floor = File().Read();
    EXPECT_TRUE(floor) << floor.error().message;
    return floor.value_or(std::nullopt);
  }

  const TempDirectory temp_;
  const std::unique_ptr<io::FileSystem> files_ = io::MakeLocalFileSystem();
  SeededRandom random_{5};
  const Uuid journal_ = Uuid::RandomV4(random_);
};

TEST_F(SentFloorTest, IsReadAsItWasWritten) {
  EXPECT_EQ(Read(), std::nullopt);
  SentFloorFile file = File();
  EXPECT_EQ(file.location(), "");
  for (const SentFloor& floor :
       {SentFloor{"t", "id", 7},
        SentFloor{"t", "id", UINT64_MAX, SentPosition{9, "a"}, "b", 30, 5, true, true},
        SentFloor{"u", "", 0}}) {
    ASSERT_TRUE(file.Write(floor));
    EXPECT_EQ(Read(), floor);
    EXPECT_EQ(Names().size(), 1u);
  }
  EXPECT_EQ(file.location(), directory() + "/kafka.3");
}

TEST_F(SentFloorTest, GoesOnWithTheNamesOfAnEarlierRun) {
  ASSERT_TRUE(File().Write({"t", "id", 7}));
  SentFloorFile file = File();
  ASSERT_EQ(file.Read().value(), (SentFloor{"t", "id", 7}));
  ASSERT_TRUE(file.Write({"t", "id", 8}));
  EXPECT_EQ(Names(), (std::vector<std::string>{"kafka.2"}));
}

// A kill between the new file and the end of the old one, or within the new one.
TEST_F(SentFloorTest, TheLastWholeFileCounts) {
  ASSERT_TRUE(File().Write({"t", "id", 7}));
  Put("kafka.2", "{\"journal\":\"" + journal_.ToString() + "\",\"topic\":\"t\",\"topic_");
  Put("kafka.10", "");
  Put("kafka.x", "somebody else's");
  Put("kafka.012", "");
  Put("backup/kafka.99", "");
  Put("sink", "kafka\n");
  SentFloorFile file = File();
  EXPECT_EQ(file.Read().value(), (SentFloor{"t", "id", 7}));
  EXPECT_EQ(file.location(), directory() + "/kafka.1");
  EXPECT_EQ(Names(),
            (std::vector<std::string>{"backup", "kafka.012", "kafka.1", "kafka.x", "sink"}));
  ASSERT_TRUE(file.Write({"t", "id", 8}));
  EXPECT_EQ(Names(),
            (std::vector<std::string>{"backup", "kafka.012", "kafka.11", "kafka.x", "sink"}));
  EXPECT_EQ(Read(), (SentFloor{"t", "id", 8}));
}

TEST_F(SentFloorTest, AFirstNoteThatWasCutOffIsNone) {
  for (const char* text : {"", "{\"journal\":"}) {
    Put("kafka.1", text);
    SentFloorFile file = File();
    EXPECT_EQ(file.Read().value(), std::nullopt) << text;
    ASSERT_TRUE(file.Write({"t", "id", 8}));
    EXPECT_EQ(Names(), (std::vector<std::string>{"kafka.2"}));
    ASSERT_TRUE(files_->Remove(directory() + "/kafka.2"));
  }
  // The one behind it may have been whole.
  Put("kafka.1", "");
  Put("kafka.2", "{");
  EXPECT_EQ(File().Read().error().kind, ErrorKind::kCorruption);
}

TEST_F(SentFloorTest, DamageIsToldAndNotTakenForNothing) {
  Put("kafka.4", "{\"journal\":7}");
  const auto floor = File().Read();
  ASSERT_FALSE(floor);
  EXPECT_EQ(floor.error().kind, ErrorKind::kCorruption);
  EXPECT_NE(floor.error().message.find(directory() + "/kafka.4"), std::string::npos)
      << floor.error().message;
}

TEST_F(SentFloorTest, AStopIsThereUntilItIsRemoved) {
  EXPECT_EQ(File().ReadStop().value(), std::nullopt);
  ASSERT_TRUE(File().Stop("why"));
  ASSERT_TRUE(File().Stop("once more"));
  EXPECT_EQ(File().ReadStop().value(), "why\n");
  EXPECT_EQ(Read(), std::nullopt);
  ASSERT_TRUE(files_->Remove(File().stop_location()));
  EXPECT_EQ(File().ReadStop().value(), std::nullopt);
}

TEST_F(SentFloorTest, WhatAnOlderOctolakeHasNotedIsRead) {
  Put("kafka.4", "{\"journal\":\"" + journal_.ToString() +
                     "\",\"topic\":\"t\",\"topic_id\":\"id\",\"sequence\":7}\n");
  EXPECT_EQ(Read(), (SentFloor{"t", "id", 7}));
}

TEST_F(SentFloorTest, OfAnotherJournalIsNone) {
  ASSERT_TRUE(File().Write({"t", "id", 7}));
  SentFloorFile other(*files_, directory(), Uuid::RandomV4(random_));
  EXPECT_EQ(other.Read().value(), std::nullopt);
}

TEST_F(SentFloorTest, WithoutADirectoryNothingIsKept) {
  SentFloorFile file(*files_, "", journal_);
  ASSERT_TRUE(file.Write({"t", "id", 7}));
  EXPECT_EQ(file.Read().value(), std::nullopt);
}

}  // namespace
}  // namespace octolake::kafka
