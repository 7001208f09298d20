#include "iceberg/update.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/row_delta_for_test.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<ManifestFile> Manifests(TestTable& table) {
  return ReadManifestList(table.fs, table.Metadata()->CurrentSnapshot()->manifest_list).value();
}

PartitionValues Day(int32_t day) { return {Literal(day)}; }

TEST(AppendFilesTest, MakesASnapshotWithItsSummary) {
  TestTable table;
  const auto metadata = table.MustCommit(
      AppendFiles({table.File("a", 1, 10), table.File("b", 2, 5)}, {{"position", "7"}}));
  ASSERT_EQ(metadata->snapshots.size(), 1U);
  const Snapshot& snapshot = *metadata->CurrentSnapshot();
  EXPECT_GT(snapshot.snapshot_id, 0);
  EXPECT_EQ(snapshot.sequence_number, 1);
  EXPECT_EQ(metadata->last_sequence_number, 1);
  EXPECT_EQ(snapshot.timestamp_ms, 1'700'000'000'000);
  EXPECT_EQ(metadata->last_updated_ms, 1'700'000'000'000);
  EXPECT_EQ(snapshot.schema_id, 0);
  EXPECT_FALSE(snapshot.parent_snapshot_id);
  EXPECT_EQ(metadata->refs.at("main").snapshot_id, snapshot.snapshot_id);
  EXPECT_TRUE(metadata->refs.at("main").is_branch);
  ASSERT_EQ(metadata->snapshot_log.size(), 1U);
  EXPECT_EQ(metadata->snapshot_log[0].snapshot_id, snapshot.snapshot_id);
  const Properties expected = {{"operation", "append"},         {"position", "7"},
                               {"added-data-files", "2"},       {"added-records", "15"},
                               {"added-files-size", "200"},     {"changed-partition-count", "2"},
                               {"total-data-files", "2"},       {"total-records", "15"},
                               {"total-files-size", "200"},     {"total-delete-files", "0"},
                               {"total-position-deletes", "0"}, {"total-equality-deletes", "0"}};
  EXPECT_EQ(snapshot.summary, expected);
  EXPECT_THAT(table.Live(), ElementsAre("a", "b"));
}

TEST(AppendFilesTest, WithoutFilesMakesASnapshotForItsPosition) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  const auto metadata = table.MustCommit(AppendFiles({}, {{"position", "8"}}));
  EXPECT_EQ(metadata->snapshots.size(), 2U);
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("position"), "8");
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("total-data-files"), "1");
  EXPECT_FALSE(metadata->CurrentSnapshot()->summary.contains("added-data-files"));
  EXPECT_EQ(Manifests(table).size(), 1U);
}

TEST(AppendFilesTest, TimeNeverGoesBack) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.clock.Set(1'000'000);
  const auto metadata = table.MustCommit(AppendFiles({table.File("b", 1)}, {}));
  EXPECT_EQ(metadata->CurrentSnapshot()->timestamp_ms, 1'700'000'000'000);
}

// Gives what it is told, then what a seed gives.
class ScriptedRandom final : public RandomSource {
 public:
  uint64_t Next() override {
    if (next_.empty()) return seeded_.Next();
    const uint64_t value = next_.front();
    next_.erase(next_.begin());
    return value;
  }
  void Give(std::vector<uint64_t> values) { next_ = std::move(values); }

 private:
  std::vector<uint64_t> next_;
  SeededRandom seeded_{7};
};

// An id that a snapshot has already would make that one, and its rows, vanish.
TEST(AppendFilesTest, ASnapshotIdThatIsTakenIsDrawnAnew) {
  TestTable table;
  const int64_t taken =
      *table.MustCommit(AppendFiles({table.File("a", 1)}, {}))->current_snapshot_id;
  ScriptedRandom random;
  const UpdateContext context{.file_system = table.fs, .clock = table.clock, .random = random};
  Transaction transaction(table.catalog, context);
  transaction.Add(table.identifier, AppendFiles({table.File("b", 1)}, {}));
  // Two for the UUID of its files; 0 is no id.
  random.Give({1, 2, static_cast<uint64_t>(taken) << 1, 0, uint64_t{77} << 1});
  const auto committed = transaction.Commit();
  ASSERT_TRUE(committed) << committed.error().message;
  const TableMetadata& metadata = *committed->front().metadata;
  EXPECT_EQ(metadata.current_snapshot_id, 77);
  EXPECT_EQ(metadata.snapshots.size(), 2U);
  EXPECT_EQ(metadata.CurrentSnapshot()->parent_snapshot_id, taken);
  EXPECT_EQ(metadata.CurrentSnapshot()->summary.at("total-data-files"), "2");
}

TEST(AppendFilesTest, RefusesWhatCannotBeAdded) {
  TestTable table;
  const auto twice = table.Commit(AppendFiles({table.File("a", 1), table.File("a", 1)}, {}));
  EXPECT_EQ(twice.error().kind, ErrorKind::kInvalidArgument);
  DataFile unpartitioned = table.File("a", 1);
  unpartitioned.partition.clear();
  EXPECT_EQ(table.Commit(AppendFiles({unpartitioned}, {})).error().kind,
            ErrorKind::kInvalidArgument);
  DataFile of_other_type = table.File("a", 1);
  of_other_type.partition = {Literal(std::string("1"))};
  EXPECT_EQ(table.Commit(AppendFiles({of_other_type}, {})).error().kind,
            ErrorKind::kInvalidArgument);
  DataFile of_other_spec = table.File("a", 1);
  of_other_spec.spec_id = 9;
  EXPECT_EQ(table.Commit(AppendFiles({of_other_spec}, {})).error().kind,
            ErrorKind::kInvalidArgument);
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(AppendFilesTest, ReadsNoOlderManifests) {
  TestTable table;
  for (int i = 0; i < 20; ++i) {
    table.MustCommit(AppendFiles({table.File("f" + std::to_string(i), i)}, {}));
  }
  table.fs.TakeOpened();
  table.MustCommit(AppendFiles({table.File("last", 1)}, {}));
  EXPECT_EQ(table.fs.TakeOpened().size(), 1U);  // the parent's manifest list
}

TEST(AppendFilesTest, MergesManifestsWhenThereAreManyOfThem) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "4"}});
  for (int i = 0; i < 3; ++i) {
    table.MustCommit(AppendFiles({table.File("f" + std::to_string(i), i)}, {}));
  }
  EXPECT_EQ(Manifests(table).size(), 3U);
  const auto metadata = table.MustCommit(AppendFiles({table.File("f3", 3)}, {}));
  const auto manifests = Manifests(table);
  ASSERT_EQ(manifests.size(), 1U);
  EXPECT_EQ(manifests[0].added_files_count, 1);
  EXPECT_EQ(manifests[0].existing_files_count, 3);
  EXPECT_EQ(manifests[0].sequence_number, 4);
  EXPECT_EQ(manifests[0].min_sequence_number, 1);
  const auto entries = ReadManifest(table.fs, manifests[0], *metadata).value();
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].status, EntryStatus::kAdded);
  EXPECT_EQ(entries[0].sequence_number, 4);
  // Newest first; the others keep the snapshot and the number they came with.
  EXPECT_EQ(entries[3].status, EntryStatus::kExisting);
  EXPECT_EQ(entries[3].sequence_number, 1);
  EXPECT_EQ(entries[3].snapshot_id, metadata->snapshots[0].snapshot_id);
  EXPECT_THAT(table.Live(), ElementsAre("f0", "f1", "f2", "f3"));
  // The manifest written before it was merged belongs to nobody.
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(AppendFilesTest, MergesOnlyUpToTheTargetSize) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "2"},
                             {"commit.manifest.target-size-bytes", "1"}});
  for (int i = 0; i < 4; ++i) {
    table.MustCommit(AppendFiles({table.File("f" + std::to_string(i), i)}, {}));
  }
  EXPECT_EQ(Manifests(table).size(), 4U);
}

TEST(AppendFilesTest, NamesAWrongProperty) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "many"}});
  const auto committed = table.Commit(AppendFiles({table.File("a", 1)}, {}));
  EXPECT_EQ(committed.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(committed.error().message,
              testing::HasSubstr("commit.manifest.min-count-to-merge is 'many'"));
}

TEST(AppendFilesTest, CountsTotalsWhereTheParentHasNone) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1, 3)}, {}));
  TableMetadata metadata = *table.Metadata();
  metadata.snapshots.Change(0, [](Snapshot& parent) {
    parent.summary.erase("total-files-size");
    parent.summary.erase("total-records");
  });
  ASSERT_TRUE(AppendFiles({table.File("b", 1, 4)}, {})->Apply(table.Context(), metadata));
  EXPECT_EQ(metadata.CurrentSnapshot()->summary.at("total-records"), "7");
  EXPECT_EQ(metadata.CurrentSnapshot()->summary.at("total-files-size"), "200");
}

TEST(OverwritePartitionsTest, ReplacesOnlyTheFilesOfThePartitions) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a1", 1, 2), table.File("a2", 2)}, {}));
  table.MustCommit(AppendFiles({table.File("b3", 3)}, {}));
  table.fs.TakeOpened();
  const auto before = Manifests(table);
  table.fs.TakeOpened();
  const auto metadata =
      table.MustCommit(OverwritePartitions({Day(1)}, {table.File("c1", 1, 7)}, {{"k", "v"}}));
  const auto opened = table.fs.TakeOpened();
  EXPECT_FALSE(opened.contains(before[0].manifest_path)) << "the manifest of day 3 was read";
  EXPECT_THAT(table.Live(), UnorderedElementsAre("a2", "b3", "c1"));
  const Snapshot& snapshot = *metadata->CurrentSnapshot();
  EXPECT_EQ(snapshot.summary.at("operation"), "overwrite");
  EXPECT_EQ(snapshot.summary.at("added-data-files"), "1");
  EXPECT_EQ(snapshot.summary.at("deleted-data-files"), "1");
  EXPECT_EQ(snapshot.summary.at("deleted-records"), "2");
  EXPECT_EQ(snapshot.summary.at("removed-files-size"), "100");
  EXPECT_EQ(snapshot.summary.at("total-records"), "9");
  EXPECT_EQ(snapshot.summary.at("total-data-files"), "3");
  EXPECT_EQ(snapshot.summary.at("changed-partition-count"), "1");
  EXPECT_EQ(snapshot.summary.at("k"), "v");

  const auto manifests = Manifests(table);
  ASSERT_EQ(manifests.size(), 3U);
  EXPECT_EQ(manifests[1].manifest_path, before[0].manifest_path);
  const auto entries = ReadManifest(table.fs, manifests[2], *metadata).value();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].status, EntryStatus::kDeleted);
  EXPECT_EQ(entries[0].snapshot_id, snapshot.snapshot_id);
  EXPECT_EQ(entries[0].sequence_number, 1);
  EXPECT_EQ(entries[1].status, EntryStatus::kExisting);
  EXPECT_EQ(entries[1].snapshot_id, metadata->snapshots[0].snapshot_id);
  EXPECT_EQ(entries[1].sequence_number, 1);
}

TEST(OverwritePartitionsTest, EmptiesAPartitionAndForgetsItsManifest) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  auto metadata = table.MustCommit(OverwritePartitions({Day(1)}, {}, {}));
  EXPECT_THAT(table.Live(), IsEmpty());
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("total-data-files"), "0");
  EXPECT_EQ(Manifests(table).size(), 1U);  // says what was deleted
  table.MustCommit(AppendFiles({table.File("b", 1)}, {}));
  EXPECT_EQ(Manifests(table).size(), 1U);  // only that of b
}

TEST(OverwritePartitionsTest, IsAnAppendWhereNothingIsReplaced) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  auto metadata = table.MustCommit(OverwritePartitions({Day(2)}, {table.File("b", 2)}, {}));
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("operation"), "append");
  metadata = table.MustCommit(OverwritePartitions({Day(5)}, {}, {{"position", "1"}}));
  EXPECT_EQ(metadata->snapshots.size(), 3U);
  EXPECT_THAT(table.Live(), ElementsAre("a", "b"));
}

TEST(OverwritePartitionsTest, RefusesFilesOfOtherPartitions) {
  TestTable table;
  const auto committed = table.Commit(OverwritePartitions({Day(2)}, {table.File("b", 3)}, {}));
  EXPECT_EQ(committed.error().kind, ErrorKind::kInvalidArgument);
}

TEST(OverwritePartitionsTest, KnowsTheNullPartition) {
  TestTable table;
  DataFile null_day = table.File("n", 0);
  null_day.partition = {std::nullopt};
  table.MustCommit(AppendFiles({null_day, table.File("a", 1)}, {}));
  table.MustCommit(OverwritePartitions({{std::nullopt}}, {}, {}));
  EXPECT_THAT(table.Live(), ElementsAre("a"));
}

TEST(OverwritePartitionsTest, RefusesFilesOfAnotherSpec) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  TableMetadata metadata = *table.Metadata();
  metadata.partition_specs.push_back({.spec_id = 1, .fields = {}});
  metadata.default_spec_id = 1;
  const auto status =
      OverwritePartitions({PartitionValues()}, {}, {})->Apply(table.Context(), metadata);
  EXPECT_EQ(status.error().kind, ErrorKind::kUnsupported);
  EXPECT_TRUE(OverwriteAll({}, {})->Apply(table.Context(), metadata));
  EXPECT_EQ(metadata.CurrentSnapshot()->summary.at("total-data-files"), "0");
}

TEST(OverwriteAllTest, ReplacesEveryFile) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 2)}, {}));
  table.MustCommit(AppendFiles({table.File("c", 3)}, {}));
  const auto metadata = table.MustCommit(OverwriteAll({table.File("d", 4)}, {}));
  EXPECT_THAT(table.Live(), ElementsAre("d"));
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("operation"), "overwrite");
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("deleted-data-files"), "3");
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("changed-partition-count"), "4");
  EXPECT_THAT(table.Live(metadata->snapshots[1].snapshot_id), ElementsAre("a", "b", "c"));
}

DataFile DeletesOfDay(const std::string& name, int32_t day) {
  return PositionDeletes("/warehouse/bronze/events/data/" + name, {Literal(day)}, 2);
}

// The names of the live delete files of the current snapshot, over all of its manifests.
std::vector<std::string> LiveDeletes(TestTable& table) {
  const auto metadata = table.Metadata();
  std::vector<std::string> names;
  const auto manifests = ReadManifestList(table.fs, *metadata->CurrentSnapshot()).value();
  for (const ManifestFile& manifest : manifests) {
    if (manifest.content != ManifestContent::kDeletes) continue;
    const auto entries = ReadManifest(table.fs, manifest, *metadata).value();
    for (const ManifestEntry& entry : entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      names.push_back(entry.data_file.file_path.substr(entry.data_file.file_path.rfind('/') + 1));
    }
  }
  return names;
}

TEST(DeleteFilesOfOthersTest, AppendsCarryThemAlong) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "2"}});
  table.MustCommit(AppendFiles({table.File("a", 1, 5)}, {}));
  table.MustCommit(CommitRowDelta({.deletes = {DeletesOfDay("d", 1)}}));
  const auto metadata = table.MustCommit(AppendFiles({table.File("b", 1, 5)}, {}));
  const Properties& summary = metadata->CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("total-delete-files"), "1");
  EXPECT_EQ(summary.at("total-position-deletes"), "2");
  EXPECT_EQ(summary.at("total-files-size"), "250");
  const auto manifests = ReadManifestList(table.fs, *metadata->CurrentSnapshot()).value();
  ASSERT_EQ(manifests.size(), 2U);
  EXPECT_EQ(manifests[0].content, ManifestContent::kDeletes);
  EXPECT_EQ(manifests[0].sequence_number, 2);
  EXPECT_THAT(LiveDeletes(table), ElementsAre("d"));
}

TEST(DeleteFilesOfOthersTest, GoWithThePartitionsThatAreOverwritten) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1, 5), table.File("b", 2, 5)}, {}));
  table.MustCommit(CommitRowDelta({.deletes = {DeletesOfDay("d1", 1), DeletesOfDay("d2", 2)}}));
  table.MustCommit(CommitRowDelta({.deletes = {DeletesOfDay("e2", 2), DeletesOfDay("e3", 3)}}));
  auto metadata =
      table.MustCommit(OverwritePartitions({{Literal(2)}}, {table.File("c", 2, 1)}, {}));
  EXPECT_THAT(LiveDeletes(table), UnorderedElementsAre("d1", "e3"));
  Properties summary = metadata->CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "overwrite");
  EXPECT_EQ(summary.at("deleted-data-files"), "1");
  EXPECT_EQ(summary.at("deleted-records"), "5");
  EXPECT_EQ(summary.at("removed-delete-files"), "2");
  EXPECT_EQ(summary.at("removed-position-delete-files"), "2");
  EXPECT_EQ(summary.at("removed-position-deletes"), "4");
  EXPECT_EQ(summary.at("removed-files-size"), "200");
  EXPECT_EQ(summary.at("total-delete-files"), "2");
  EXPECT_EQ(summary.at("total-position-deletes"), "4");
  EXPECT_EQ(summary.at("total-files-size"), "300");
  EXPECT_FALSE(summary.contains("removed-equality-deletes"));
  const auto tasks = PlanScan(table.fs, *metadata, {}, {}).value();
  for (const ScanTask& task : tasks) {
    EXPECT_EQ(task.deletes.size(), task.file.file_path.ends_with("/a") ? 1U : 0U);
  }
  metadata = table.MustCommit(OverwriteAll({table.File("z", 9)}, {}));
  EXPECT_THAT(LiveDeletes(table), ElementsAre());
  summary = metadata->CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("removed-delete-files"), "2");
  EXPECT_EQ(summary.at("total-delete-files"), "0");
  EXPECT_EQ(summary.at("total-position-deletes"), "0");
}

TEST(DeleteFilesOfOthersTest, ThoseOfAnotherSpecStay) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  TableMetadata metadata = *table.Metadata();
  metadata.partition_specs.push_back({.spec_id = 1, .fields = {}});
  DataFile everywhere = PositionDeletes("/warehouse/bronze/events/data/eq", {});
  everywhere.content = FileContent::kEqualityDeletes;
  everywhere.spec_id = 1;
  ASSERT_TRUE(CommitRowDelta({.deletes = {everywhere}})->Apply(table.Context(), metadata));
  ASSERT_TRUE(OverwritePartitions({{Literal(1)}}, {table.File("b", 1)}, {})
                  ->Apply(table.Context(), metadata));
  const Properties& summary = metadata.CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("deleted-data-files"), "1");
  EXPECT_EQ(summary.at("total-equality-deletes"), "1");
  EXPECT_EQ(TestTable::Names(PlanScan(table.fs, metadata, {}, {})).size(), 1U);
}

TEST(TagTest, MovesWithinTheCommitThatItMarks) {
  TestTable table;
  auto metadata =
      table.MustCommit(AssertTag("t", {}), AppendFiles({table.File("a", 1)}, {}), SetTag("t", {}));
  const int64_t first = *metadata->current_snapshot_id;
  EXPECT_EQ(metadata->refs.at("t").snapshot_id, first);
  EXPECT_FALSE(metadata->refs.at("t").is_branch);
  metadata = table.MustCommit(AppendFiles({}, {}), SetTag("u", first));
  EXPECT_EQ(metadata->FindRef("u")->snapshot_id, first);
  EXPECT_EQ(table.Commit(AssertTag("t", {})).error().kind, ErrorKind::kCommitConflict);
  EXPECT_EQ(table.Commit(AssertTag("none", first)).error().kind, ErrorKind::kCommitConflict);
  EXPECT_TRUE(table.Commit(AssertTag("t", first)));
}

TEST(TagTest, NeedsASnapshotAndANameOfItsOwn) {
  TestTable table;
  EXPECT_EQ(table.Commit(SetTag("t", {})).error().kind, ErrorKind::kNotFound);
  table.MustCommit(AppendFiles({}, {}));
  EXPECT_EQ(table.Commit(SetTag("t", 5)).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(table.Commit(SetTag("main", {})).error().kind, ErrorKind::kInvalidArgument);
}

TEST(TagTest, KeepsRetentionOfReferences) {
  TestTable table;
  table.MustCommit(AppendFiles({}, {}), SetTag("t", {}));
  TableMetadata metadata = *table.Metadata();
  metadata.refs["t"].max_ref_age_ms = 5;
  metadata.refs["main"].min_snapshots_to_keep = 3;
  ASSERT_TRUE(AppendFiles({}, {})->Apply(table.Context(), metadata));
  ASSERT_TRUE(SetTag("t", {})->Apply(table.Context(), metadata));
  EXPECT_EQ(metadata.refs["t"].max_ref_age_ms, 5);
  EXPECT_EQ(metadata.refs["t"].snapshot_id, metadata.current_snapshot_id);
  EXPECT_EQ(metadata.refs["main"].min_snapshots_to_keep, 3);
}

TEST(RollbackTest, MakesAnAncestorCurrent) {
  TestTable table;
  auto metadata = table.MustCommit(AppendFiles({table.File("a", 1)}, {}), SetTag("t", {}));
  const int64_t first = *metadata->current_snapshot_id;
  metadata = table.MustCommit(AppendFiles({table.File("b", 1)}, {}), SetTag("t", {}));
  const int64_t second = *metadata->current_snapshot_id;
  metadata = table.MustCommit(RollbackTo(first));
  EXPECT_EQ(metadata->current_snapshot_id, first);
  EXPECT_EQ(metadata->refs.at("main").snapshot_id, first);
  EXPECT_EQ(metadata->refs.at("t").snapshot_id, second);
  EXPECT_EQ(metadata->snapshot_log.back().snapshot_id, first);
  EXPECT_THAT(table.Live(), ElementsAre("a"));
  EXPECT_EQ(table.Commit(RollbackTo(second)).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(table.Commit(RollbackTo(1)).error().kind, ErrorKind::kNotFound);
  metadata = table.MustCommit(AppendFiles({table.File("c", 1)}, {}));
  EXPECT_EQ(metadata->CurrentSnapshot()->sequence_number, 3);
  EXPECT_EQ(metadata->CurrentSnapshot()->parent_snapshot_id, first);
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("total-data-files"), "2");
}

TEST(AssertInHistoryTest, HoldsUntilTheTableIsRolledBackBehindIt) {
  TestTable table;
  const int64_t first = *table.MustCommit(AppendFiles({}, {}))->current_snapshot_id;
  const int64_t second = *table.MustCommit(AppendFiles({}, {}))->current_snapshot_id;
  EXPECT_TRUE(table.Commit(AssertInHistory(second)));
  const int64_t third = *table.MustCommit(AppendFiles({}, {}))->current_snapshot_id;
  EXPECT_TRUE(table.Commit(AssertInHistory(second), AppendFiles({}, {})));
  table.MustCommit(RollbackTo(third));
  EXPECT_TRUE(table.Commit(AssertInHistory(second)));
  table.MustCommit(RollbackTo(first));
  EXPECT_EQ(table.Commit(AssertInHistory(second)).error().kind, ErrorKind::kCommitConflict);
  table.MustCommit(AppendFiles({}, {}));
  EXPECT_EQ(table.Commit(AssertInHistory(second)).error().kind, ErrorKind::kCommitConflict);
  EXPECT_EQ(table.Commit(AssertInHistory(5)).error().kind, ErrorKind::kCommitConflict);
}

TEST(AssertCurrentSnapshotTest, HoldsOrConflicts) {
  TestTable table;
  EXPECT_TRUE(table.Commit(AssertCurrentSnapshot({}), AppendFiles({}, {})));
  EXPECT_EQ(table.Commit(AssertCurrentSnapshot({})).error().kind, ErrorKind::kCommitConflict);
  EXPECT_TRUE(table.Commit(AssertCurrentSnapshot(table.Metadata()->current_snapshot_id)));
}

TEST(AssertTableUuidTest, KnowsATableFromItsSuccessor) {
  TestTable table;
  EXPECT_TRUE(table.Commit(AssertTableUuid(table.Metadata()->table_uuid), AppendFiles({}, {})));
  const auto other = table.Commit(AssertTableUuid("00000000-0000-4000-8000-00000000000f"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kNotFound);
}

TEST(SetPropertiesTest, AddsAndReplaces) {
  TestTable table(Properties{{"a", "1"}, {"b", "2"}});
  const auto metadata = table.MustCommit(SetProperties({{"b", "3"}, {"c", "4"}}));
  const Properties expected = {{"a", "1"}, {"b", "3"}, {"c", "4"}};
  EXPECT_EQ(metadata->properties, expected);
}

}  // namespace
}  // namespace octolake::iceberg
