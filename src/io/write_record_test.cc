#include "io/write_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/temp_directory_for_test.h"
#include "io/local_file_system.h"

namespace octolake::io {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WriteRecordTest : public ::testing::Test {
 protected:
  std::string Records() const { return directory_ + "/tmp/writes"; }
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  std::shared_ptr<WriteRecord> NewRecord() {
    return std::make_shared<WriteRecord>(Records(), "demo", SystemRandom());
  }
  std::vector<OwnedFile> TakeOver() {
    auto taken = TakeOverWriteRecords(Records());
    EXPECT_TRUE(taken) << taken.error().message;
    return taken ? std::move(*taken) : std::vector<OwnedFile>();
  }
  // That living processes have written down, in order.
  std::vector<std::string> Locations() const {
    std::vector<std::string> found;
    const Status read = ForEachRecordedLocation(
        Records(), [&](const std::string& location) { found.push_back(location); });
    EXPECT_TRUE(read) << read.error().message;
    std::sort(found.begin(), found.end());
    return found;
  }
  bool HasRecords() const {
    return std::filesystem::exists(Records()) && !std::filesystem::is_empty(Records());
  }

  const TempDirectory temp_;
  const std::string directory_ = temp_.path();
};

TEST_F(WriteRecordTest, IsGoneWhenAllWentWell) {
  {
    const auto fs = MakeRecordedFileSystem(MakeLocalFileSystem(), NewRecord());
    EXPECT_FALSE(std::filesystem::exists(Records())) << "nothing was created yet";
    ASSERT_TRUE(WriteAll(*fs, Path("a"), "1"));
    ASSERT_TRUE(WriteAll(*fs, Path("b"), "2"));
    EXPECT_TRUE(HasRecords());
    EXPECT_THAT(TakeOver(), IsEmpty()) << "its owner lives";
    ASSERT_TRUE(fs->Remove(Path("b")));
    EXPECT_EQ(fs->CreateNew(Path("a")).error().kind, ErrorKind::kAlreadyExists);
    EXPECT_EQ(fs->Remove(Path("b")).error().kind, ErrorKind::kNotFound);
    // Given up half way: it goes with its object.
    auto given_up = fs->CreateNew(Path("c"));
    ASSERT_TRUE(given_up);
  }
  EXPECT_FALSE(HasRecords());
  EXPECT_TRUE(std::filesystem::exists(Path("a")));
  EXPECT_FALSE(std::filesystem::exists(Path("c")));
}

TEST_F(WriteRecordTest, StaysWhenARemovalFailed) {
  {
    const auto fs = MakeRecordedFileSystem(MakeLocalFileSystem(), NewRecord());
    ASSERT_TRUE(WriteAll(*fs, Path("d/file"), "1"));
    EXPECT_FALSE(fs->Remove(Path("d"))) << "a directory";
  }
  auto records = TakeOver();
  ASSERT_THAT(records, SizeIs(1));
  const auto content = ReadWriteRecord(records.front());
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->owner, "demo");
  EXPECT_THAT(content->locations, ElementsAre(Path("d/file")));
  EXPECT_THAT(TakeOver(), IsEmpty()) << "it is held by us now";
  ASSERT_TRUE(records.front().Remove());
  EXPECT_FALSE(HasRecords());
}

TEST_F(WriteRecordTest, StaysWhenItsProcessIsKilled) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto fs = MakeRecordedFileSystem(MakeLocalFileSystem(), NewRecord());
    auto file = fs->CreateNew(Path("half"));
    const char byte = file ? '+' : '-';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  ASSERT_GT(child, 0);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, '+');
  EXPECT_THAT(TakeOver(), IsEmpty()) << "the child lives";
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ::close(ready[0]);
  ::close(ready[1]);

  const auto records = TakeOver();
  ASSERT_THAT(records, SizeIs(1));
  const auto content = ReadWriteRecord(records.front());
  ASSERT_TRUE(content);
  EXPECT_THAT(content->locations, ElementsAre(Path("half")));
  EXPECT_TRUE(std::filesystem::exists(Path("half")));
}

TEST_F(WriteRecordTest, ReadsWhatAKilledProcessCanLeave) {
  std::filesystem::create_directories(Records());
  const auto read = [&](const std::string& text) {
    std::ofstream(Records() + "/x.writes", std::ios::binary) << text;
    auto records = TakeOver();
    EXPECT_THAT(records, SizeIs(1));
    return ReadWriteRecord(records.front());
  };
  EXPECT_EQ(read("")->owner, "");
  EXPECT_EQ(read("octolake wri")->owner, "");
  EXPECT_THAT(read("octolake writes 1 my lake\n/a\n/b")->locations, ElementsAre("/a"));
  EXPECT_EQ(read("octolake writes 1 my lake\n")->owner, "my lake");
  EXPECT_EQ(read("something else\n").error().kind, ErrorKind::kCorruption);
}

TEST_F(WriteRecordTest, RefusesNamesOfSeveralLines) {
  const auto record = NewRecord();
  EXPECT_EQ(record->Note("/a\n/b").error().kind, ErrorKind::kInvalidArgument);
  WriteRecord several(Records(), "a\nb", SystemRandom());
  EXPECT_EQ(several.Note("/a").error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(WriteRecordTest, NoDirectoryMeansNoRecords) { EXPECT_THAT(TakeOver(), IsEmpty()); }

TEST_F(WriteRecordTest, OnlyTheLivingStillNameWhatTheyMade) {
  WriteRecord living(Records(), "demo", SystemRandom());
  ASSERT_TRUE(living.Note("file:///living"));
  {
    WriteRecord dead(Records(), "demo", SystemRandom());
    ASSERT_TRUE(dead.Note("file:///dead"));
    dead.Keep();
    EXPECT_THAT(Locations(), ElementsAre("file:///dead", "file:///living"));
  }
  EXPECT_THAT(Locations(), ElementsAre("file:///living"));
  EXPECT_THAT(TakeOver(), SizeIs(1)) << "it is still there for whoever cleans up";
}

TEST_F(WriteRecordTest, OfAProcessThatStaysDoesNotGrowForEver) {
  const auto note = [](WriteRecord& record, int first, int last) {
    for (int i = first; i <= last; ++i) ASSERT_TRUE(record.Note("file:///" + std::to_string(i)));
  };
  {
    // Two names a file; what is full is kept.
    WriteRecord record(Records(), "demo", SystemRandom(), {20, std::chrono::hours(1)});
    note(record, 1, 5);
    EXPECT_THAT(Locations(),
                ElementsAre("file:///1", "file:///2", "file:///3", "file:///4", "file:///5"));
    EXPECT_THAT(TakeOver(), IsEmpty()) << "its owner lives";
  }
  EXPECT_FALSE(HasRecords());
  WriteRecord record(Records(), "demo", SystemRandom(), {20, std::chrono::hours(-1)});
  note(record, 1, 7);
  EXPECT_THAT(Locations(), ElementsAre("file:///5", "file:///6", "file:///7"));
}

}  // namespace
}  // namespace octolake::io
