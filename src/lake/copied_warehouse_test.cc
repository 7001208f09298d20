#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "lake/table_version.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::HasSubstr;

constexpr char kInstant[] = "2015-01-01T15:00:00Z";

class CopiedWarehouseTest : public WarehouseTest {
 protected:
  std::unique_ptr<Warehouse> OpenAt(const std::string& directory) {
    WarehouseOptions options;
    options.directory = directory;
    return Must(Warehouse::Open(options, clock_, SystemRandom()));
  }
  std::set<std::string> FilesOfTheOriginal() {
    std::set<std::string> files;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(warehouse_->directory())) {
      files.insert(entry.path().string());
    }
    return files;
  }
};

TEST_F(CopiedWarehouseTest, IsReadAndNotWritten) {
  Load({WriteFile("1.json", EventLine("1", kInstant))});
  const std::set<std::string> before = FilesOfTheOriginal();
  const std::string copy = directory_ + "/copy";
  std::filesystem::copy(warehouse_->directory(), copy, std::filesystem::copy_options::recursive);
  const auto copied = OpenAt(copy);
  IgnoreProgress progress;
  const auto report =
      LoadFiles(*copied, {WriteFile("2.json", EventLine("2", kInstant))}, {}, progress);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr(copy + " is a copy of " + warehouse_->directory()));
  EXPECT_TRUE(copied->catalog().LoadTable(BronzeEvents({})));
  // As maintenance does before it removes files, which takes no commit.
  EXPECT_FALSE(LoadForWriting(*copied, BronzeEvents({})));
  EXPECT_EQ(FilesOfTheOriginal(), before);
  EXPECT_EQ(CountRows(BronzeEvents({})), 1);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 1);
  Load({WriteFile("3.json", EventLine("3", kInstant))});
  EXPECT_EQ(CountRows(BronzeEvents({})), 2);
}

TEST_F(CopiedWarehouseTest, ALinkIsNoCopy) {
  Load({WriteFile("1.json", EventLine("1", kInstant))});
  const std::string link = directory_ + "/link";
  std::filesystem::create_directory_symlink(warehouse_->directory(), link);
  const auto linked = OpenAt(link);
  IgnoreProgress progress;
  const std::string second = WriteFile("2.json", EventLine("2", kInstant));
  EXPECT_EQ(Must(LoadFiles(*linked, {second}, {}, progress)).events, 1);
  EXPECT_EQ(CountRows(BronzeEvents({})), 2);
}

}  // namespace
}  // namespace octolake::lake
