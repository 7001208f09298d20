// A table that another process drops between a step's read and its commit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::HasSubstr;

constexpr char kDay[] = "2015-01-01T15:00:00Z";

class DroppedTableTest : public WarehouseTest {
 protected:
  // Another process drops the table just before the first commit of what comes.
  void DropBeforeCommit(const iceberg::TableIdentifier& table) {
    HookCatalog().before_commit = {[this, table] { Must(others_->catalog().DropTable(table)); }};
  }
  void ExpectNamed(const Error& error, const iceberg::TableIdentifier& table) {
    EXPECT_EQ(error.kind, ErrorKind::kNotFound) << error.message;
    EXPECT_THAT(error.message, HasSubstr("table " + table.ToString() + " is gone"));
  }
  size_t DataFilesBelow(const iceberg::TableIdentifier& table) {
    const std::string location = warehouse_->catalog().DefaultTableLocation(table);
    return Must(warehouse_->file_system().List(location + "/data")).size();
  }
};

class TableDroppedInALoad : public DroppedTableTest,
                            public ::testing::WithParamInterface<iceberg::TableIdentifier> {};

TEST_P(TableDroppedInALoad, IsNamedAndNothingIsLeft) {
  const std::string path = WriteFile("x.json", EventLine("1", kDay));
  DropBeforeCommit(GetParam());
  const auto report = TryLoad({path});
  ASSERT_FALSE(report);
  ExpectNamed(report.error(), GetParam());
  EXPECT_EQ(DataFilesBelow(BronzeEvents({})), 0U);
  EXPECT_EQ(DataFilesBelow(LoadedFiles({})), 0U);
  // Nothing was ever committed to it, so it is simply made again.
  Must(CreateTables(*others_));
  EXPECT_EQ(Load({path}).events, 1);
}

INSTANTIATE_TEST_SUITE_P(Tables, TableDroppedInALoad,
                         ::testing::Values(BronzeEvents({}), LoadedFiles({})));

TEST_F(DroppedTableTest, ALoadDoesNotReplaceABronzeThatHadEvents) {
  Load({WriteFile("a.json", EventLine("1", kDay))});
  const std::string location = Bronze().metadata_location;
  const std::string path = WriteFile("b.json", EventLine("2", kDay));
  DropBeforeCommit(BronzeEvents({}));
  const auto report = TryLoad({path});
  ASSERT_FALSE(report);
  ExpectNamed(report.error(), BronzeEvents({}));
  const auto again = CreateTables(*warehouse_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(again.error().message, HasSubstr(location));
  EXPECT_THAT(again.error().message, HasSubstr("remove the directory"));
}

TEST_F(DroppedTableTest, SilverNamesItselfAndIsMadeAgain) {
  Load({WriteFile("a.json", EventLine("1", kDay))});
  Silver();
  Load({WriteFile("b.json", EventLine("2", kDay))});
  const size_t files = DataFilesBelow(ParsedEvents({}));
  DropBeforeCommit(ParsedEvents({}));
  IgnoreProgress progress;
  const auto report = RunSilver(*warehouse_, {}, progress);
  ASSERT_FALSE(report);
  ExpectNamed(report.error(), ParsedEvents({}));
  EXPECT_EQ(DataFilesBelow(ParsedEvents({})), files);
  Must(CreateTables(*warehouse_));
  EXPECT_EQ(Silver().added, 2);
}

TEST_F(DroppedTableTest, SilverNamesTheBronzeThatIsGoneAndKeepsItsCommit) {
  Load({WriteFile("a.json", EventLine("1", kDay))});
  DropBeforeCommit(BronzeEvents({}));
  IgnoreProgress progress;
  const auto report = RunSilver(*warehouse_, {}, progress);
  ASSERT_FALSE(report);
  ExpectNamed(report.error(), BronzeEvents({}));
  EXPECT_EQ(CountRows(ParsedEvents({})), 1);
}

}  // namespace
}  // namespace octolake::lake
