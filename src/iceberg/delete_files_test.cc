#include "iceberg/delete_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "iceberg/row_delta_for_test.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::HasSubstr;
using Deletes = std::map<std::string, std::vector<std::string>>;

const std::string kData = "/warehouse/bronze/events/data/";

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

DataFile PosDeletes(const std::string& name, int32_t day, const std::string& of = "") {
  return PositionDeletes(kData + name, {Literal(day)}, 2, of.empty() ? "" : kData + of);
}

DataFile WithBounds(DataFile deletes, const std::string& lower, const std::string& upper) {
  deletes.lower_bounds[kDeleteFilePathId] = lower;
  deletes.upper_bounds[kDeleteFilePathId] = upper;
  return deletes;
}

DataFile EqualityDeletes(const std::string& name, PartitionValues partition) {
  DataFile file = PositionDeletes(kData + name, std::move(partition));
  file.content = FileContent::kEqualityDeletes;
  file.equality_ids = {1};
  return file;
}

// By the names of data files, the names of the delete files that apply to them.
Deletes DeletesOf(const Result<std::vector<ScanTask>>& tasks) {
  EXPECT_TRUE(tasks) << tasks.error().message;
  Deletes deletes;
  if (!tasks) return deletes;
  for (const ScanTask& task : *tasks) {
    auto& names = deletes[NameOf(task.file.file_path)];
    for (const DataFile& file : task.deletes) names.push_back(NameOf(file.file_path));
  }
  return deletes;
}

Deletes Planned(TestTable& table, std::optional<int64_t> snapshot = {}, const Filter& filter = {}) {
  return DeletesOf(PlanScan(table.fs, *table.Metadata(), snapshot, filter));
}

TEST(PlanScanWithDeletesTest, FilesOfTheSameCommitAndOlderOnes) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("old", 1)}, {}));
  table.MustCommit(
      CommitRowDelta({.files = {table.File("same", 1)}, .deletes = {PosDeletes("d", 1)}}));
  const auto metadata = table.MustCommit(AppendFiles({table.File("new", 1)}, {}));
  EXPECT_EQ(Planned(table), (Deletes{{"old", {"d"}}, {"same", {"d"}}, {"new", {}}}));
  EXPECT_EQ(Planned(table, metadata->snapshots[0].snapshot_id), (Deletes{{"old", {}}}));
}

TEST(PlanScanWithDeletesTest, OnlyFilesOfThePartition) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 2)}, {}));
  table.MustCommit(CommitRowDelta({.deletes = {PosDeletes("d1", 1), PosDeletes("d2", 2)}}));
  table.MustCommit(CommitRowDelta({.deletes = {PosDeletes("e2", 2)}}));
  EXPECT_EQ(Planned(table), (Deletes{{"a", {"d1"}}, {"b", {"e2", "d2"}}}));
  const Filter first_day = {{"day", Predicate::Op::kEq, {Literal(1)}}};
  table.fs.TakeOpened();
  EXPECT_EQ(Planned(table, {}, first_day), (Deletes{{"a", {"d1"}}}));
  // List, data manifest, and of the manifests of deletes the one that has day 1.
  EXPECT_EQ(table.fs.TakeOpened().size(), 3U);
}

TEST(PlanScanWithDeletesTest, OnlyTheFileReferredTo) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 1)}, {}));
  table.MustCommit(CommitRowDelta(
      {.deletes = {PosDeletes("of_a", 1, "a"), PosDeletes("of_gone", 1, "gone"),
                   WithBounds(PosDeletes("bounds_b", 1), kData + "b", kData + "b")}}));
  EXPECT_EQ(Planned(table), (Deletes{{"a", {"of_a"}}, {"b", {"bounds_b"}}}));
}

TEST(PlanScanWithDeletesTest, BoundsOfPathsMayBeCutShort) {
  TestTable table;
  table.MustCommit(
      AppendFiles({table.File("aaa", 1), table.File("bbb", 1), table.File("ccc", 1)}, {}));
  table.MustCommit(
      CommitRowDelta({.deletes = {WithBounds(PosDeletes("middle", 1), kData + "aab", kData + "bbc"),
                                  // rounded up, not rounded up, and cut before they differ
                                  WithBounds(PosDeletes("up", 1), kData + "b", kData + "c"),
                                  WithBounds(PosDeletes("cut", 1), kData + "b", kData + "b"),
                                  WithBounds(PosDeletes("all", 1), "/warehouse", "/warehouse"),
                                  WithBounds(PosDeletes("none", 1), kData + "d", kData + "e")}}));
  EXPECT_EQ(
      Planned(table),
      (Deletes{{"aaa", {"all"}}, {"bbb", {"middle", "up", "cut", "all"}}, {"ccc", {"up", "all"}}}));
}

TEST(PlanScanWithDeletesTest, AFileThatCameBackIsNotDeletedFrom) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.MustCommit(CommitRowDelta({.deletes = {PosDeletes("d", 1, "a"), PosDeletes("e", 2)}}));
  table.MustCommit(OverwriteAll({}, {}));
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 2)}, {}));
  EXPECT_EQ(Planned(table), (Deletes{{"a", {}}, {"b", {}}}));
}

TEST(PlanScanWithDeletesTest, ADeleteFromAnotherPartitionIsDamage) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.MustCommit(CommitRowDelta({.deletes = {PosDeletes("c", 1), PosDeletes("d", 2, "a")}}));
  const auto tasks = PlanScan(table.fs, *table.Metadata(), {}, {});
  EXPECT_EQ(tasks.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(tasks.error().message, HasSubstr(kData + "d refers to data file " + kData + "a"));
}

TEST(PlanScanWithDeletesTest, EqualityDeletesAreRefusedWhereTheyApply) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 2)}, {}));
  table.MustCommit(CommitRowDelta(
      {.files = {table.File("c", 3)},
       .deletes = {EqualityDeletes("e", {Literal(1)}), EqualityDeletes("f", {Literal(3)})}}));
  const auto refused = PlanScan(table.fs, *table.Metadata(), {}, {});
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr(kData + "e applies to data file " + kData + "a"));
  EXPECT_THAT(refused.error().message, HasSubstr("rewrite_data_files"));
  const auto day = [](int32_t value) {
    return Filter{{"day", Predicate::Op::kEq, {Literal(value)}}};
  };
  EXPECT_EQ(Planned(table, {}, day(2)), (Deletes{{"b", {}}}));
  // Those of the same commit are not older.
  EXPECT_EQ(Planned(table, {}, day(3)), (Deletes{{"c", {}}}));
}

TEST(PlanScanWithDeletesTest, UnpartitionedEqualityDeletesApplyEverywhere) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  TableMetadata metadata = *table.Metadata();
  metadata.partition_specs.push_back({.spec_id = 1, .fields = {}});
  DataFile deletes = EqualityDeletes("e", {});
  deletes.spec_id = 1;
  const auto applied = CommitRowDelta({.deletes = {deletes}})->Apply(table.Context(), metadata);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(PlanScan(table.fs, metadata, {}, {}).error().kind, ErrorKind::kUnsupported);
}

TEST(PlanScanWithDeletesTest, DeletionVectorsAreRefused) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  DataFile vector = PosDeletes("v.puffin", 1, "a");
  vector.file_format = "PUFFIN";
  table.MustCommit(CommitRowDelta({.deletes = {vector}}));
  const auto refused = PlanScan(table.fs, *table.Metadata(), {}, {});
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr(kData + "v.puffin"));
}

// Between snapshots number `from` and `to` of the table, counted from 0.
Result<std::vector<ScanTask>> Between(TestTable& table, size_t from, size_t to) {
  const auto metadata = table.Metadata();
  return PlanAppendsBetween(table.fs, *metadata, metadata->snapshots[from].snapshot_id,
                            metadata->snapshots[to].snapshot_id, {});
}

TEST(PlanAppendsBetweenWithDeletesTest, DeletesOfWhatWasAppendedInBetween) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 2)}, {}));
  table.MustCommit(AppendFiles({table.File("c", 1), table.File("d", 3)}, {}));
  table.MustCommit(
      CommitRowDelta({.deletes = {PosDeletes("of_c", 1, "c"), PosDeletes("day3", 3)}}));
  table.MustCommit(AppendFiles({table.File("e", 3)}, {}));
  EXPECT_EQ(DeletesOf(Between(table, 0, 3)),
            (Deletes{{"c", {"of_c"}}, {"d", {"day3"}}, {"e", {}}}));
  EXPECT_EQ(DeletesOf(Between(table, 0, 1)), (Deletes{{"c", {}}, {"d", {}}}));
  EXPECT_EQ(DeletesOf(Between(table, 2, 3)), (Deletes{{"e", {}}}));
}

TEST(PlanAppendsBetweenWithDeletesTest, DeletesOfWhatWasThereBefore) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 2)}, {}));
  table.MustCommit(CommitRowDelta({.deletes = {PosDeletes("early", 1)}}));
  table.MustCommit(AppendFiles({table.File("c", 1)}, {}));
  // Those of before are nobody's business.
  EXPECT_EQ(DeletesOf(Between(table, 1, 2)), (Deletes{{"c", {}}}));
  for (const DataFile& deletes : {PosDeletes("of_a", 1, "a"), PosDeletes("day2", 2),
                                  EqualityDeletes("equal", {Literal(2)})}) {
    const size_t from = table.Metadata()->snapshots.size() - 1;
    const auto metadata = table.MustCommit(CommitRowDelta({.deletes = {deletes}}));
    table.MustCommit(AppendFiles({table.File("after_" + NameOf(deletes.file_path), 4)}, {}));
    const auto refused = Between(table, from, from + 2);
    ASSERT_FALSE(refused) << deletes.file_path;
    EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(refused.error().message,
                HasSubstr("snapshot " + std::to_string(*metadata->current_snapshot_id)));
  }
}

TEST(PlanAppendsBetweenWithDeletesTest, DeletesOfNothingThatIsThereChangeNothing) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.MustCommit(
      CommitRowDelta({.deletes = {PosDeletes("of_gone", 1, "gone"), PosDeletes("empty", 7)}}));
  table.MustCommit(AppendFiles({table.File("b", 1)}, {}));
  table.MustCommit(CommitRowDelta({.removed_deletes = {kData + "empty"}, .operation = "replace"}));
  EXPECT_EQ(DeletesOf(Between(table, 0, 3)), (Deletes{{"b", {}}}));
  EXPECT_EQ(DeletesOf(Between(table, 1, 3)), (Deletes{{"b", {}}}));
}

TEST(PlanAppendsBetweenWithDeletesTest, RewrittenDeletesAreToldFromDroppedOnes) {
  for (const char* operation : {"replace", "delete"}) {
    TestTable table;
    table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
    table.MustCommit(CommitRowDelta({.deletes = {PosDeletes("d", 1)}}));
    table.MustCommit(CommitRowDelta({.deletes = {PosDeletes("e", 1)},
                                     .removed_deletes = {kData + "d"},
                                     .operation = operation}));
    table.MustCommit(AppendFiles({table.File("b", 1)}, {}));
    const auto between = Between(table, 1, 3);
    if (std::string(operation) == "replace") {
      EXPECT_EQ(DeletesOf(between), (Deletes{{"b", {}}}));
    } else {
      EXPECT_EQ(between.error().kind, ErrorKind::kUnsupported);
    }
  }
}

TEST(PlanAppendsBetweenWithDeletesTest, ReadsNoSharedManifestWithoutNeed) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.MustCommit(CommitRowDelta({.deletes = {PosDeletes("d", 1)}}));
  table.MustCommit(AppendFiles({table.File("b", 1)}, {}));
  table.fs.TakeOpened();
  EXPECT_EQ(DeletesOf(Between(table, 1, 2)), (Deletes{{"b", {}}}));
  EXPECT_EQ(table.fs.TakeOpened().size(), 3U);  // two lists, the manifest of b
}

}  // namespace
}  // namespace octolake::iceberg
