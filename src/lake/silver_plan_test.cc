// Where a step of Silver may stop so that the next begins there, whatever happened to Bronze.
#include "lake/silver_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/transaction.h"
#include "iceberg/update.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using testing::ElementsAre;

constexpr int64_t kDayMicros = int64_t{86'400'000'000};

class SilverPlanTest : public WarehouseTest {
 protected:
  // Commits one event; its file.
  iceberg::DataFile LoadEvent(const std::string& id) {
    Load({WriteFile(id + ".json", EventLine(id, "2015-01-01T15:00:00Z"))});
    const auto table = Bronze();
    auto tasks =
        Must(iceberg::PlanScan(warehouse_->file_system(), *table.metadata, std::nullopt, {}));
    return std::move(tasks.back().file);
  }
  int64_t Snapshot() { return *Bronze().metadata->current_snapshot_id; }
  // Leaves only `file` in its partition, as if it were new.
  void ReplacePartitionWith(const iceberg::DataFile& file) {
    iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
    transaction.Add(BronzeEvents({}), iceberg::OverwritePartitions({file.partition}, {file}, {}));
    Must(transaction.Commit());
  }
  // The positions of a first step that commits every row by itself.
  std::vector<std::optional<int64_t>> Positions(std::optional<int64_t> consumed = std::nullopt) {
    SilverPlanRequest request;
    request.position.consumed_snapshot = consumed;
    request.commit_rows = 1;
    std::vector<std::optional<int64_t>> positions;
    const auto plan = Must(PlanSilver(warehouse_->file_system(), Bronze(), request));
    for (const SilverChunk& chunk : plan.chunks) positions.push_back(chunk.position);
    return positions;
  }
};

TEST_F(SilverPlanTest, EverySnapshotOfAppendsIsAPosition) {
  std::vector<std::optional<int64_t>> snapshots;
  for (const char* id : {"1", "2", "3"}) {
    LoadEvent(id);
    snapshots.push_back(Snapshot());
  }
  EXPECT_EQ(Positions(), snapshots);
  EXPECT_EQ(Positions(snapshots.front()),
            (std::vector<std::optional<int64_t>>{snapshots[1], snapshots[2]}));
}

TEST_F(SilverPlanTest, ASnapshotWithFilesThatWereReplacedSinceIsNoPosition) {
  const iceberg::DataFile first = LoadEvent("1");
  clock_.Advance(kDayMicros);
  LoadEvent("2");
  clock_.Advance(-kDayMicros);
  LoadEvent("3");
  // The second event's file is the oldest one now, and its snapshot had the first one's too.
  ReplacePartitionWith(first);
  const int64_t replaced = Snapshot();
  LoadEvent("4");
  EXPECT_THAT(Positions(), ElementsAre(std::nullopt, replaced, Snapshot()));
}

}  // namespace
}  // namespace octolake::lake
