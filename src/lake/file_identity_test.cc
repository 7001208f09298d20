// A file is its content, also where the digest is taken only while it is loaded: files of a size
// that nothing known has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/sha256.h"
#include "lake/file_reading.h"
#include "lake/load_group.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcome = FileReport::Outcome;

std::string Event(const std::string& id) { return EventLine(id, "2015-01-01T15:00:00Z"); }

class FileIdentityTest : public WarehouseTest {
 protected:
  // Reads the file to its end.
  static GroupResult Read(GroupFile file) {
    FileReading reading(std::move(file), {}, false);
    while (reading.Next()) {
    }
    return reading.TakeResult();
  }
  std::vector<std::string> Ids() { return Column(BronzeEvents({}), "id"); }
};

TEST_F(FileIdentityTest, OtherContentsOfOneSizeAreAllLoaded) {
  const LoadReport first = Load({WriteFile("a", Event("1")), WriteFile("b", Event("2"))});
  EXPECT_EQ(first.events, 2);
  EXPECT_EQ(Load({WriteFile("c", Event("3"))}).events, 1);
  EXPECT_EQ(Load({WriteFile("d", Event("2"))}).files[0].outcome, Outcome::kSkipped);
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3"));
}

TEST_F(FileIdentityTest, SizesAreThoseOfTheTableAndOfWhatWasAdded) {
  Load({WriteFile("a", Event("1")), WriteFile("b", Event("1000"))});
  LoadedState state = Must(ReadLoadedState(*warehouse_));
  const auto size = static_cast<int64_t>(Event("1").size());
  EXPECT_TRUE(Must(state.contents.HasSize(size)));
  EXPECT_TRUE(Must(state.contents.HasSize(size + 3)));
  EXPECT_FALSE(Must(state.contents.HasSize(size + 1)));  // within the bounds of the data file
  EXPECT_FALSE(Must(state.contents.HasSize(size - 1)));
  LoadedFile added;
  added.size = size + 1;
  added.sha256 = Sha256Hex("");
  state.contents.Add(added);
  EXPECT_TRUE(Must(state.contents.HasSize(size + 1)));
}

TEST_F(FileIdentityTest, AFileReadOnceHasTheDigestOfWhatWasRead) {
  const std::string path = WriteFile("a", Event("1"));
  const GroupResult result = Read({0, path, path, Must(InspectInput(path)), ""});
  EXPECT_EQ(result.outcome, Outcome::kLoaded) << result.error;
  EXPECT_EQ(result.file.sha256, Sha256Hex(Event("1")));
  EXPECT_EQ(result.file.size, static_cast<int64_t>(Event("1").size()));
}

TEST_F(FileIdentityTest, AFileReadOnceThatChangedIsNotLoaded) {
  const std::string path = WriteFile("a", Event("1"));
  const InputInfo before = Must(InspectInput(path));
  WriteFile("a", Event("10"));
  GroupResult result = Read({0, path, path, before, ""});
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.error, HasSubstr("changed while it was read"));

  // Of the same size, at another time.
  WriteFile("a", Event("2"));
  std::filesystem::last_write_time(
      path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  result = Read({0, path, path, before, ""});
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.error, HasSubstr("changed while it was read"));
}

// As when files become alike after their sizes were compared.
TEST_F(FileIdentityTest, OfTwoFilesOfOneContentReadOnceOneIsLoaded) {
  Load({});
  const std::string a = WriteFile("a", Event("1"));
  const std::string b = WriteFile("b", Event("1"));
  LoadedState state = Must(ReadLoadedState(*warehouse_));
  const LoadOptions options;
  GroupLoader loader(*warehouse_, options, state, [](const std::string&, int64_t) {});
  const GroupReport report = Must(
      loader.Load({{0, a, a, Must(InspectInput(a)), ""}, {1, b, b, Must(InspectInput(b)), ""}}));
  ASSERT_EQ(report.results.size(), 2u);
  for (const GroupResult& result : report.results) {
    EXPECT_EQ(result.outcome, result.index == 0 ? Outcome::kLoaded : Outcome::kSkipped);
  }
  EXPECT_THAT(Ids(), ElementsAre("1"));
}

TEST_F(FileIdentityTest, OfTwoLoadsAtOnceOfAFileOfANewSizeOneSkipsIt) {
  const std::string path = WriteFile("a", Event("1") + Event("2"));
  HookCatalog().before_commit = {[&] {
    IgnoreProgress progress;
    EXPECT_EQ(Must(LoadFiles(*others_, {path}, {}, progress)).events, 2);
  }};
  EXPECT_EQ(Load({path}).files[0].outcome, Outcome::kSkipped);
  EXPECT_THAT(Ids(), ElementsAre("1", "2"));
}

}  // namespace
}  // namespace octolake::lake
