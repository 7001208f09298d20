// Random histories of a table against a model: which files are live after every snapshot, with
// which numbers, and what was appended between any two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

struct ModelFile {
  int32_t day = 0;
  int64_t sequence_number = 0;
  int64_t snapshot_id = 0;
};
using Files = std::map<std::string, ModelFile>;

struct ModelSnapshot {
  Files live;
  bool is_append = false;
};

class History {
 public:
  explicit History(uint64_t seed)
      : random_(seed),
        table_(
            Properties{{"commit.manifest.min-count-to-merge", std::to_string(2 + seed % 4)},
                       {"commit.manifest.target-size-bytes", seed % 3 == 0 ? "9000" : "90000"}}) {
    table_.random = SeededRandom(seed + 1);
  }

  void Step() {
    table_.clock.Advance(static_cast<int64_t>(Below(3'000'000)));
    if (Below(4) == 0) {
      table_.catalog.before_commit = [this] { Commit(); };
    }
    if (Below(10) == 0) table_.catalog.lose_replies = 1;
    if (Below(10) == 0) table_.catalog.lose_requests = 1;
    Commit();
    table_.catalog.before_commit = nullptr;
  }

  void Check() {
    const auto metadata = table_.Metadata();
    ASSERT_EQ(metadata->snapshots.size(), order_.size());
    for (size_t i = 0; i < order_.size(); ++i) CheckSnapshot(*metadata, i);
    for (int i = 0; i < 20 && !order_.empty(); ++i) CheckAppends(*metadata);
    EXPECT_THAT(table_.Orphans(), testing::IsEmpty());
    for (const auto& [name, snapshot_id] : tags_) {
      EXPECT_EQ(metadata->refs.at(name).snapshot_id, snapshot_id);
    }
  }

 private:
  uint64_t Below(uint64_t limit) { return random_.Next() % limit; }

  std::vector<DataFile> NewFiles(const std::set<int32_t>& days) {
    std::vector<DataFile> files;
    const uint64_t count = days.empty() ? 0 : Below(4);
    for (uint64_t i = 0; i < count; ++i) {
      auto day = days.begin();
      std::advance(day, static_cast<int64_t>(Below(days.size())));
      files.push_back(
          table_.File("f" + std::to_string(next_file_++), *day, static_cast<int64_t>(Below(50))));
    }
    return files;
  }

  // One transaction of one or two operations. A race within it is committed before it.
  void Commit() {
    std::vector<std::function<void(const Snapshot&)>> applied;
    Transaction transaction(table_.catalog, table_.Context());
    const uint64_t operations = 1 + Below(2);
    for (uint64_t i = 0; i < operations; ++i) AddOperation(transaction, applied);
    const std::string tag = "t" + std::to_string(Below(3));
    const bool set_tag = Below(3) == 0;
    if (set_tag) transaction.Add(table_.identifier, SetTag(tag, {}));
    const auto committed = transaction.Commit();
    ASSERT_TRUE(committed) << committed.error().message;
    const TableMetadata& metadata = *committed->front().metadata;
    const size_t first = metadata.snapshots.size() - operations;
    ASSERT_EQ(first, order_.size());
    for (uint64_t i = 0; i < operations; ++i) applied[i](metadata.snapshots[first + i]);
    if (set_tag) tags_[tag] = *metadata.current_snapshot_id;
  }

  void AddOperation(Transaction& transaction,
                    std::vector<std::function<void(const Snapshot&)>>& applied) {
    std::set<int32_t> days;
    for (uint64_t i = Below(3); i < 3; ++i) days.insert(static_cast<int32_t>(Below(8)));
    const std::vector<DataFile> files = NewFiles(days);
    const uint64_t kind = Below(10);
    if (kind < 6) {
      transaction.Add(table_.identifier, AppendFiles(files, {}));
      applied.push_back([=, this](const Snapshot& snapshot) { Record(snapshot, {}, files); });
      return;
    }
    if (kind == 9) {
      for (int32_t day = 0; day < 8; ++day) days.insert(day);
      transaction.Add(table_.identifier, OverwriteAll(files, {}));
    } else {
      std::vector<PartitionValues> partitions;
      for (const int32_t day : days) partitions.push_back({Literal(day)});
      transaction.Add(table_.identifier, OverwritePartitions(partitions, files, {}));
    }
    applied.push_back([=, this](const Snapshot& snapshot) { Record(snapshot, days, files); });
  }

  void Record(const Snapshot& snapshot, const std::set<int32_t>& cleared,
              const std::vector<DataFile>& files) {
    ModelSnapshot model;
    if (!order_.empty()) model.live = model_[order_.back()].live;
    const size_t removed =
        std::erase_if(model.live, [&](const auto& f) { return cleared.contains(f.second.day); });
    model.is_append = removed == 0;
    for (const DataFile& file : files) {
      model.live[file.file_path] = {.day = std::get<int32_t>(*file.partition[0]),
                                    .sequence_number = std::ssize(order_) + 1,
                                    .snapshot_id = snapshot.snapshot_id};
    }
    order_.push_back(snapshot.snapshot_id);
    model_[snapshot.snapshot_id] = std::move(model);
  }

  void CheckSnapshot(const TableMetadata& metadata, size_t i) {
    const Snapshot& snapshot = metadata.snapshots[i];
    ASSERT_EQ(snapshot.snapshot_id, order_[i]);
    EXPECT_EQ(snapshot.sequence_number, static_cast<int64_t>(i + 1));
    const ModelSnapshot& model = model_[snapshot.snapshot_id];
    EXPECT_EQ(snapshot.summary.at("operation"), model.is_append ? "append" : "overwrite");
    EXPECT_EQ(snapshot.summary.at("total-data-files"), std::to_string(model.live.size()));
    EXPECT_EQ(snapshot.summary.at("total-files-size"), std::to_string(100 * model.live.size()));
    const auto tasks = PlanScan(table_.fs, metadata, snapshot.snapshot_id, {});
    ASSERT_TRUE(tasks) << tasks.error().message;
    ASSERT_EQ(tasks->size(), model.live.size());
    for (const ScanTask& task : *tasks) {
      const auto found = model.live.find(task.file.file_path);
      ASSERT_NE(found, model.live.end()) << task.file.file_path;
      EXPECT_EQ(task.sequence_number, found->second.sequence_number);
      EXPECT_EQ(task.snapshot_id, found->second.snapshot_id);
      EXPECT_EQ(std::get<int32_t>(*task.file.partition[0]), found->second.day);
    }
  }

  void CheckAppends(const TableMetadata& metadata) {
    const size_t to = Below(order_.size());
    const size_t from = Below(to + 1);
    const auto tasks = PlanAppendsBetween(table_.fs, metadata, order_[from], order_[to], {});
    const Files& before = model_[order_[from]].live;
    std::multiset<std::string> expected;
    for (const auto& [path, file] : model_[order_[to]].live) {
      if (!before.contains(path)) expected.insert(path);
    }
    // What was there is there still, or nothing can be said of rows that were only added.
    if (model_[order_[to]].live.size() != before.size() + expected.size()) {
      ASSERT_FALSE(tasks);
      EXPECT_EQ(tasks.error().kind, ErrorKind::kUnsupported);
      return;
    }
    ASSERT_TRUE(tasks) << tasks.error().message;
    std::multiset<std::string> actual;
    for (const ScanTask& task : *tasks) actual.insert(task.file.file_path);
    EXPECT_EQ(actual, expected);
  }

  SeededRandom random_;
  TestTable table_;
  int next_file_ = 0;
  std::vector<int64_t> order_;  // snapshot ids
  std::map<int64_t, ModelSnapshot> model_;
  std::map<std::string, int64_t> tags_;
};

class TableHistoryTest : public testing::TestWithParam<uint64_t> {};

TEST_P(TableHistoryTest, AgreesWithTheModel) {
  History history(GetParam());
  for (int step = 0; step < 25 && !HasFatalFailure(); ++step) history.Step();
  if (!HasFatalFailure()) history.Check();
}

INSTANTIATE_TEST_SUITE_P(Seeds, TableHistoryTest, testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace octolake::iceberg
