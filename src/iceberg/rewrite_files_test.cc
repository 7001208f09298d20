#include "iceberg/rewrite_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/row_delta_for_test.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// A rewrite of the files that are live now and have one of these names.
FileRewrite RewriteOf(TestTable& table, const std::vector<std::string>& names,
                      std::vector<DataFile> added) {
  const auto metadata = table.Metadata();
  FileRewrite rewrite;
  rewrite.start_sequence_number = metadata->CurrentSnapshot()->sequence_number;
  rewrite.added = std::move(added);
  auto tasks = PlanScan(table.fs, *metadata, {}, {}).value();
  for (ScanTask& task : tasks) {
    const std::string& path = task.file.file_path;
    const std::string name = path.substr(path.rfind('/') + 1);
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      rewrite.replaced.push_back(std::move(task));
    }
  }
  EXPECT_EQ(rewrite.replaced.size(), names.size());
  return rewrite;
}

std::unique_ptr<TableUpdate> AddDeletes(TestTable& table, FileContent content, int32_t day,
                                        const std::string& name = "deletes",
                                        std::optional<std::string> referenced = {}) {
  DataFile file = table.File(name, day, 2);
  file.content = content;
  if (content == FileContent::kEqualityDeletes) file.equality_ids = {1};
  if (referenced) file.referenced_data_file = table.File(*referenced, day).file_path;
  return CommitRowDelta({.deletes = {std::move(file)}});
}

// Names of the live delete files.
std::vector<std::string> LiveDeletes(TestTable& table) {
  std::vector<std::string> names;
  const auto metadata = table.Metadata();
  const auto manifests = ReadManifestList(table.fs, *metadata->CurrentSnapshot()).value();
  for (const ManifestFile& manifest : manifests) {
    if (manifest.content != ManifestContent::kDeletes) continue;
    const auto entries = ReadManifest(table.fs, manifest, *metadata).value();
    for (const ManifestEntry& entry : entries) {
      const std::string& path = entry.data_file.file_path;
      if (entry.status != EntryStatus::kDeleted) names.push_back(path.substr(path.rfind('/') + 1));
    }
  }
  return names;
}

TEST(RewriteFilesTest, PutsOneFileInThePlaceOfOthers) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1, 2), table.File("b", 1, 3)}, {}));
  table.MustCommit(AppendFiles({table.File("c", 1, 4), table.File("d", 2, 5)}, {}));
  const auto metadata = table.MustCommit(
      RewriteFiles(RewriteOf(table, {"a", "c"}, {table.File("ac", 1, 6)}), {{"by", "test"}}));
  const Snapshot& snapshot = *metadata->CurrentSnapshot();
  EXPECT_EQ(snapshot.summary.at("operation"), "replace");
  EXPECT_EQ(snapshot.summary.at("by"), "test");
  EXPECT_EQ(snapshot.summary.at("added-data-files"), "1");
  EXPECT_EQ(snapshot.summary.at("deleted-data-files"), "2");
  EXPECT_EQ(snapshot.summary.at("total-data-files"), "3");
  EXPECT_EQ(snapshot.summary.at("total-records"), "14");
  EXPECT_THAT(table.Live(), UnorderedElementsAre("ac", "b", "d"));
  EXPECT_THAT(table.Live(metadata->snapshots[1].snapshot_id), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(RewriteFilesTest, KeepsTheGreatestDataSequenceNumberAlsoOverMerges) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "2"}});
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.MustCommit(AppendFiles({table.File("b", 1)}, {}));
  table.MustCommit(AppendFiles({table.File("c", 1)}, {}));
  table.MustCommit(RewriteFiles(RewriteOf(table, {"a", "b"}, {table.File("ab", 1, 2)}), {}));
  table.MustCommit(AppendFiles({table.File("d", 1)}, {}));
  const auto tasks = PlanScan(table.fs, *table.Metadata(), {}, {}).value();
  ASSERT_THAT(TestTable::Names(tasks), UnorderedElementsAre("ab", "c", "d"));
  std::map<std::string, int64_t> numbers;
  for (const ScanTask& task : tasks) {
    numbers[task.file.file_path.substr(task.file.file_path.rfind('/') + 1)] = task.sequence_number;
  }
  EXPECT_EQ(numbers, (std::map<std::string, int64_t>{{"ab", 2}, {"c", 3}, {"d", 5}}));
}

TEST(RewriteFilesTest, PassesOverAppendsAndOtherRewritesMeanwhile) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 1)}, {}));
  table.MustCommit(AppendFiles({table.File("c", 1), table.File("d", 1)}, {}));
  auto first = RewriteFiles(RewriteOf(table, {"a", "b"}, {table.File("ab", 1, 2)}), {});
  auto second = RewriteFiles(RewriteOf(table, {"c", "d"}, {table.File("cd", 1, 2)}), {});
  bool raced = false;
  table.catalog.before_commit = [&] {
    if (std::exchange(raced, true)) return;
    table.MustCommit(AppendFiles({table.File("e", 1)}, {}));
    table.MustCommit(std::move(second));
  };
  table.MustCommit(std::move(first));
  EXPECT_THAT(table.Live(), UnorderedElementsAre("ab", "cd", "e"));
  EXPECT_EQ(table.Metadata()->CurrentSnapshot()->summary.at("total-records"), "5");
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(RewriteFilesTest, ConflictsWhereAFileWasReplacedSinceItStarted) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 1)}, {}));
  auto rewrite = RewriteFiles(RewriteOf(table, {"a", "b"}, {table.File("ab", 1, 2)}), {});
  // Long before the first attempt.
  table.MustCommit(OverwritePartitions({{Literal(int32_t{1})}}, {table.File("c", 1)}, {}));
  const auto refused = table.Commit(std::move(rewrite));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("/data/a was to be rewritten"));
  EXPECT_THAT(table.Live(), ElementsAre("c"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(RewriteFilesTest, TheSameRewriteTwiceConflicts) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 1)}, {}));
  const FileRewrite rewrite = RewriteOf(table, {"a", "b"}, {table.File("ab", 1, 2)});
  table.MustCommit(RewriteFiles(rewrite, {}));
  EXPECT_EQ(table.Commit(RewriteFiles(rewrite, {})).error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(table.Live(), ElementsAre("ab"));
}

TEST(RewriteFilesTest, ConflictsWithPositionDeletesCommittedSinceItStarted) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1, 5), table.File("b", 2, 5)}, {}));
  const auto start = [&](const char* name, int32_t day) {
    return RewriteFiles(RewriteOf(table, {name}, {table.File(std::string(name) + "2", day, 5)}),
                        {});
  };
  auto of_its_day = start("a", 1);
  auto of_another_day = start("b", 2);
  auto of_another_file = start("a", 1);
  const auto before = table.Metadata();
  table.MustCommit(AddDeletes(table, FileContent::kPositionDeletes, 1));
  // An attempt that begins after the deletes must still see them.
  const auto refused = table.Commit(std::move(of_its_day));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("/data/deletes"));
  EXPECT_TRUE(table.Commit(std::move(of_another_day)));
  TableMetadata metadata = *before;
  ASSERT_TRUE(AddDeletes(table, FileContent::kPositionDeletes, 1, "deletes", "other")
                  ->Apply(table.Context(), metadata));
  EXPECT_TRUE(of_another_file->Apply(table.Context(), metadata));
}

TEST(RewriteFilesTest, DeletesByEqualityCommittedMeanwhileStillConcernTheRows) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1, 5)}, {}));
  auto rewrite = RewriteFiles(RewriteOf(table, {"a"}, {table.File("a2", 1, 5)}), {});
  table.MustCommit(AddDeletes(table, FileContent::kEqualityDeletes, 1));
  const auto metadata = table.MustCommit(std::move(rewrite));
  const auto manifests = ReadManifestList(table.fs, *metadata->CurrentSnapshot()).value();
  for (const ManifestFile& manifest : manifests) {
    const auto entries = ReadManifest(table.fs, manifest, *metadata).value();
    for (const ManifestEntry& entry : entries) {
      if (entry.status != EntryStatus::kAdded) continue;
      const bool deletes = manifest.content == ManifestContent::kDeletes;
      EXPECT_EQ(*entry.sequence_number, deletes ? 2 : 1);
      EXPECT_EQ(*entry.file_sequence_number, deletes ? 2 : 3);
    }
  }
}

TEST(RewriteFilesTest, TakesAppliedPositionDeletesWithIt) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1, 5), table.File("b", 1, 5)}, {}));
  table.MustCommit(AppendFiles({table.File("c", 2, 5)}, {}));
  table.MustCommit(AddDeletes(table, FileContent::kPositionDeletes, 1, "of-a", "a"));
  table.MustCommit(AddDeletes(table, FileContent::kPositionDeletes, 1, "of-day-1"));
  table.MustCommit(AddDeletes(table, FileContent::kPositionDeletes, 2, "of-day-2"));
  table.MustCommit(AppendFiles({table.File("later", 1, 5)}, {}));
  // The one of its day may still concern b.
  table.MustCommit(RewriteFiles(RewriteOf(table, {"a"}, {table.File("a2", 1, 3)}), {}));
  EXPECT_THAT(LiveDeletes(table), UnorderedElementsAre("of-day-1", "of-day-2"));
  // Nothing that is as old as it is left now: `later` came after it, a2 has no deleted rows.
  FileRewrite both = RewriteOf(table, {"b"}, {table.File("b2", 1, 3)});
  const auto metadata = table.MustCommit(RewriteFiles(std::move(both), {}));
  EXPECT_THAT(LiveDeletes(table), ElementsAre("of-day-2"));
  const Properties& summary = metadata->CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("total-delete-files"), "1");
  EXPECT_EQ(summary.at("total-data-files"), "4");
  const auto tasks = PlanScan(table.fs, *metadata, {}, {}).value();
  for (const ScanTask& task : tasks) {
    EXPECT_EQ(task.deletes.size(), task.file.file_path.ends_with("/c") ? 1U : 0U)
        << task.file.file_path;
  }
}

TEST(RewriteFilesTest, ARollbackBringsDeletedRowsBackAndConflicts) {
  TestTable table;
  const auto whole = table.MustCommit(AppendFiles({table.File("a", 1, 5)}, {}));
  table.MustCommit(AddDeletes(table, FileContent::kPositionDeletes, 1));
  auto rewrite = RewriteFiles(RewriteOf(table, {"a"}, {table.File("a2", 1, 3)}), {});
  table.MustCommit(RollbackTo(*whole->current_snapshot_id));
  const auto refused = table.Commit(std::move(rewrite));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(table.Live(), ElementsAre("a"));
}

TEST(RewriteFilesTest, ADeleteOfAnAbandonedBranchOfHistoryThatComesBackConflicts) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1, 5)}, {}));
  const auto whole = table.Metadata();
  const auto deleted = table.MustCommit(AddDeletes(table, FileContent::kPositionDeletes, 1));
  table.MustCommit(RollbackTo(*whole->current_snapshot_id));
  table.MustCommit(AppendFiles({table.File("b", 2)}, {}));
  auto rewrite = RewriteFiles(RewriteOf(table, {"a"}, {table.File("a2", 1, 5)}), {});
  // Its sequence number is below that of what the rewrite read.
  TableMetadata back = *table.Metadata();
  back.current_snapshot_id = deleted->current_snapshot_id;
  back.refs["main"].snapshot_id = *deleted->current_snapshot_id;
  EXPECT_EQ(rewrite->Apply(table.Context(), back).error().kind, ErrorKind::kCommitConflict);
}

TEST(RewriteFilesTest, RowsThatGoToAnotherSpecGetTheNumberOfTheRead) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1, 5)}, {}));
  table.MustCommit(AppendFiles({table.File("b", 1, 5)}, {}));
  TableMetadata metadata = *table.Metadata();
  metadata.partition_specs.push_back({.spec_id = 1, .fields = DaySpec().fields});
  metadata.default_spec_id = 1;
  DataFile moved = table.File("a2", 1, 5);
  moved.spec_id = 1;
  const FileRewrite rewrite = RewriteOf(table, {"a"}, {moved});
  TableMetadata rewritten = metadata;
  ASSERT_TRUE(RewriteFiles(rewrite, {})->Apply(table.Context(), rewritten));
  const auto tasks = PlanScan(table.fs, rewritten, {}, {}).value();
  for (const ScanTask& task : tasks) EXPECT_EQ(task.sequence_number, 2) << task.file.file_path;
  // Deletes by equality of the old spec do not concern the new file.
  TableMetadata deleted = metadata;
  ASSERT_TRUE(AddDeletes(table, FileContent::kEqualityDeletes, 1)->Apply(table.Context(), deleted));
  EXPECT_EQ(RewriteFiles(rewrite, {})->Apply(table.Context(), deleted).error().kind,
            ErrorKind::kCommitConflict);
}

TEST(RewriteFilesTest, ALostReplyIsLookedUpAndCommittedOnce) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 1)}, {}));
  table.catalog.lose_replies = 1;
  table.MustCommit(RewriteFiles(RewriteOf(table, {"a", "b"}, {table.File("ab", 1, 2)}), {}));
  EXPECT_THAT(table.Live(), ElementsAre("ab"));
  EXPECT_EQ(table.Metadata()->snapshots.size(), 2U);
}

TEST(RewriteFilesTest, ReadersOfAppendsPassOverIt) {
  TestTable table;
  const auto first = table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.MustCommit(AppendFiles({table.File("b", 1)}, {}));
  const auto last =
      table.MustCommit(RewriteFiles(RewriteOf(table, {"a", "b"}, {table.File("ab", 1, 2)}), {}));
  EXPECT_THAT(TestTable::Names(PlanAppendsBetween(table.fs, *last, first->current_snapshot_id,
                                                  *last->current_snapshot_id, {})),
              ElementsAre("b"));
}

}  // namespace
}  // namespace octolake::iceberg
