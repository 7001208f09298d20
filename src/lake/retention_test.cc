// Retention as the committers of this room do it: many small commits, with Silver reading from
// snapshot to snapshot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/expire_snapshots.h"
#include "iceberg/transaction.h"
#include "lake/position.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using testing::HasSubstr;

class RetentionTest : public WarehouseTest {
 protected:
  static iceberg::RetentionPolicy Ten() {
    iceberg::RetentionPolicy policy = DefaultRetention();
    policy.max_snapshots = 10;
    policy.min_snapshots = 2;
    return policy;
  }
  LoadReport LoadOne(const std::string& path) {
    LoadOptions options;
    options.retention = Ten();
    return Load({path}, options);
  }
  SilverReport RunSilver(int64_t commit_rows = 1000) {
    SilverOptions options;
    options.commit_rows = commit_rows;
    options.retention = Ten();
    return Silver(options);
  }

  // One event a commit.
  void LoadEvents(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string id = std::to_string(++events_);
      LoadOne(WriteFile(id + ".json", EventLine(id, "2015-01-01T15:00:00Z")));
    }
  }
  // Metadata files, manifests and manifest lists, named or not.
  int64_t CountMetadataFiles(const iceberg::TableIdentifier& name) {
    const std::string location = LoadTable(name).metadata->location + "/metadata";
    return std::ssize(Must(warehouse_->file_system().List(location)));
  }

  int events_ = 0;
};

TEST_F(RetentionTest, LoadsKeepABoundedHistoryAndEveryRow) {
  for (int i = 0; i < 60; ++i) {
    LoadEvents(1);
    EXPECT_LE(Bronze().metadata->snapshots.size(), 10U);
  }
  EXPECT_EQ(CountRows(BronzeEvents({})), 60);
  EXPECT_EQ(CountRows(LoadedFiles({})), 60);
  EXPECT_LE(LoadTable(LoadedFiles({})).metadata->snapshots.size(), 10U);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 60);
  // 50 old metadata files and the current one, at most ten lists, and 60 manifests.
  EXPECT_LE(CountMetadataFiles(BronzeEvents({})), 51 + 10 + 60);
  EXPECT_EQ(LoadOne(directory_ + "/1.json").files[0].outcome, FileReport::Outcome::kSkipped);
}

TEST_F(RetentionTest, SilverGoesOnFromASnapshotWhoseSuccessorsExpired) {
  LoadEvents(3);
  EXPECT_EQ(RunSilver().added, 3);
  const int64_t consumed = *Bronze().metadata->current_snapshot_id;
  for (int round = 1; round <= 3; ++round) {
    LoadEvents(30);
    const auto bronze = Bronze();
    ASSERT_LE(bronze.metadata->snapshots.size(), 11U);
    const SilverReport report = RunSilver();
    EXPECT_EQ(report.rescan_reason, "");
    EXPECT_EQ(report.bronze_rows, 30);
    EXPECT_EQ(report.added, 30);
    EXPECT_EQ(CountRows(ParsedEvents({})), 3 + 30 * round);
  }
  // The consumed snapshot was kept as long as it was the start, and is gone since.
  EXPECT_EQ(Bronze().metadata->FindSnapshot(consumed), nullptr);
  EXPECT_EQ(RunSilver().bronze_rows, 0);
}

TEST_F(RetentionTest, SilverReadsAllOfBronzeWhenItsStartWasExpiredByOthers) {
  LoadEvents(5);
  EXPECT_EQ(RunSilver().added, 5);
  LoadEvents(5);
  // Somebody else drops our tag and expires what it held.
  const int64_t consumed = Bronze().metadata->FindRef(ConsumedTag(ParsedEvents({})))->snapshot_id;
  iceberg::RetentionPolicy all;
  all.max_snapshots = 1;
  all.min_snapshots = 1;
  iceberg::Transaction foreign(warehouse_->catalog(), warehouse_->update_context());
  foreign.Add(BronzeEvents({}), iceberg::SetTag(ConsumedTag(ParsedEvents({})), std::nullopt));
  foreign.Add(BronzeEvents({}), iceberg::ExpireSnapshots(all));
  Must(foreign.Commit());
  ASSERT_EQ(Bronze().metadata->FindSnapshot(consumed), nullptr);
  const SilverReport report = RunSilver();
  EXPECT_THAT(report.rescan_reason, HasSubstr(std::to_string(consumed)));
  EXPECT_EQ(report.bronze_rows, 10);
  EXPECT_EQ(report.added, 5);
  EXPECT_EQ(CountRows(ParsedEvents({})), 10);
  LoadEvents(2);
  EXPECT_EQ(RunSilver().bronze_rows, 2);
}

// Chunks of a step end at snapshots that can be a start; one whose snapshot has expired goes
// without a position.
TEST_F(RetentionTest, SmallSilverCommitsOverAnExpiredHistoryAreExact) {
  LoadEvents(2);
  RunSilver();
  LoadEvents(40);
  const SilverReport report = RunSilver(3);
  EXPECT_GT(report.commits, 5);
  EXPECT_EQ(report.rescan_reason, "");
  EXPECT_EQ(report.added, 40);
  EXPECT_EQ(CountRows(ParsedEvents({})), 42);
  EXPECT_LE(Parsed().metadata->snapshots.size(), 10U);
  EXPECT_EQ(RunSilver(3).bronze_rows, 0);
}

}  // namespace
}  // namespace octolake::lake
