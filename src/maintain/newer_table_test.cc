// A table that a newer octolake has written to is left as it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/civil_time.h"
#include "base/progress.h"
#include "iceberg/transaction.h"
#include "lake/table_version.h"
#include "maintain/compaction.h"
#include "maintain/expiry.h"
#include "maintain/manifests.h"
#include "maintain/orphans.h"
#include "maintain/stray_files_for_test.h"

namespace octolake::maintain {
namespace {

namespace fs = std::filesystem;

using lake::BronzeEvents;
using lake::Must;
using testing::HasSubstr;

class NewerTableTest : public StrayFilesTest {
 protected:
  void SetUp() override {
    StrayFilesTest::SetUp();
    clock_.Advance(expiry_.older_than_ms * 2 * kMicrosPerMilli);
    MakeOld(Put(root_ + "/data/ingestion_date=2015-01-01/gone.parquet"));
  }
  void SetVersion(const std::string& version) {
    iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
    transaction.Add(BronzeEvents({}),
                    iceberg::SetProperties({{lake::kDefinitionVersionProperty, version}}));
    Must(transaction.Commit());
  }
  std::set<std::string> Files() {
    std::set<std::string> files{Bronze().metadata_location};
    for (const auto& entry : fs::recursive_directory_iterator(warehouse_->directory())) {
      if (entry.path().extension() != ".db-wal") files.insert(entry.path());
    }
    return files;
  }
  template <typename T>
  void ExpectRefused(const Result<T>& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(result.error().message,
                HasSubstr("table bronze.github_events was written by a newer octolake"));
    EXPECT_EQ(Files(), files_);
  }
  Result<CompactionReport> CompactBronze() {
    CompactionOptions options;
    options.scope.min_input_files = 2;
    IgnoreProgress progress;
    return Compact(*warehouse_, BronzeEvents({}), options, {}, progress);
  }
  Result<ExpiryReport> ExpireBronze() {
    return ExpireTable(*warehouse_, BronzeEvents({}), expiry_, {});
  }

  const ExpiryOptions expiry_{.keep = 1};
  std::set<std::string> files_;
};

TEST_F(NewerTableTest, NoStepTouchesIt) {
  SetVersion("2");
  files_ = Files();
  ExpectRefused(CompactBronze());
  ExpectRefused(RewriteTableManifests(*warehouse_, BronzeEvents({}), false));
  ExpectRefused(ExpireBronze());
  ExpectRefused(Try());
  // There was something to do for each.
  SetVersion("1");
  EXPECT_EQ(Must(ExpireBronze()).snapshots, 2);
  EXPECT_EQ(Must(Try()).files, 1);
  EXPECT_EQ(Must(CompactBronze()).files_before, 3);
  // Nor is what was taken before brought back.
  SetVersion("2");
  files_ = Files();
  ExpectRefused(RestoreOrphans(*warehouse_, BronzeEvents({})));
  SetVersion("1");
  EXPECT_EQ(Must(RestoreOrphans(*warehouse_, BronzeEvents({}))).files, 1);
}

}  // namespace
}  // namespace octolake::maintain
