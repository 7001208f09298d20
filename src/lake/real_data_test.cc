// Counts over real hours and pages, where they are at hand (OCTOLAKE_TEST_DATA names the folder).

#include <gmock/gmock.h>

#include <map>

#include "base/civil_time.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::Each;

struct RealFile {
  const char* name;
  int64_t events;
};
constexpr RealFile kFiles[] = {
    {"gharchive/2012-04-01-12.json.gz", 4664},     {"gharchive/2015-01-01-0.json.gz", 7702},
    {"gharchive/2015-01-01-15.json.gz", 11351},    {"gharchive/2021-07-21-few-hours.json.gz", 800},
    {"events_api/2023-04-repo-page.json.gz", 100}, {"events_api/2025-12-user-page.json", 99},
    {"events_api/2026-07-user-page.json", 30},
};

class RealDataTest : public WarehouseTest {
 protected:
  void SetUp() override {
    const char* data = std::getenv("OCTOLAKE_TEST_DATA");
    if (data == nullptr || !std::filesystem::exists(std::string(data) + "/" + kFiles[0].name)) {
      GTEST_SKIP() << "OCTOLAKE_TEST_DATA names no folder with the data";
    }
    for (const RealFile& file : kFiles) paths_.push_back(std::string(data) + "/" + file.name);
    WarehouseTest::SetUp();
  }

  std::map<bool, int64_t> CountByFrom2015() {
    std::map<bool, int64_t> counts;
    for (const std::string& time : Column(ParsedEvents({}), "created_at")) {
      ++counts[time >= "2015"];
    }
    return counts;
  }

  std::vector<std::string> paths_;
};

TEST_F(RealDataTest, EveryEventReachesBronzeAndEveryDistinctOneSilver) {
  const LoadReport report = Load(paths_);
  ASSERT_EQ(report.files.size(), std::size(kFiles));
  for (size_t i = 0; i < report.files.size(); ++i) {
    EXPECT_EQ(report.files[i].events, kFiles[i].events) << report.files[i].name;
    EXPECT_EQ(report.files[i].rejected, 0) << report.files[i].name;
    EXPECT_EQ(report.files[i].error, "") << report.files[i].name;
  }
  EXPECT_EQ(report.events, 24'746);
  EXPECT_EQ(CountRows(BronzeEvents({})), 24'746);
  EXPECT_EQ(CountRows(RejectedEvents({})), 0);

  const SilverReport silver = Silver();
  EXPECT_EQ(silver.bronze_rows, 24'746);
  EXPECT_EQ(silver.added, 24'745);
  EXPECT_EQ(silver.duplicates, 1);
  const std::map<bool, int64_t> expected = {{false, 4'663}, {true, 20'082}};
  EXPECT_EQ(CountByFrom2015(), expected);

  LoadOptions again;
  again.again = true;
  EXPECT_EQ(Load(paths_).events, 0);
  EXPECT_EQ(Load(paths_, again).events, 24'746);
  EXPECT_EQ(Silver().added, 0);
  EXPECT_EQ(CountByFrom2015(), expected);
}

}  // namespace
}  // namespace octolake::lake
