#include "iceberg/expired_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "iceberg/expire_snapshots.h"
#include "iceberg/retention_for_test.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr int64_t kMinuteMicros = 60'000'000;

// A table whose files are really there.
class ExpiredFilesTest : public testing::Test {
 protected:
  DataFile NewFile(const std::string& name, int32_t day) {
    DataFile file = table.File(name, day);
    EXPECT_TRUE(io::WriteAll(table.fs, file.file_path, "rows"));
    return file;
  }
  void Append(const std::string& name, int32_t day = 1) {
    table.MustCommit(AppendFiles({NewFile(name, day)}, {}));
  }
  // By f0, then that by f1, and so on.
  void ReplaceAll(int times) {
    for (int i = 0; i < times; ++i) {
      table.MustCommit(OverwriteAll({NewFile("f" + std::to_string(i), 1)}, {}));
    }
  }
  void ReplaceDay1(int times) {
    for (int i = 0; i < times; ++i) {
      table.MustCommit(
          OverwritePartitions({{Literal(1)}}, {NewFile("f" + std::to_string(i), 1)}, {}));
    }
  }
  std::shared_ptr<const TableMetadata> Expire(int64_t max_snapshots) {
    return table.MustCommit(ExpireSnapshots(KeepAtMost(max_snapshots)));
  }
  std::vector<std::string> DataFiles() {
    std::vector<std::string> names;
    const auto files = table.fs.List("/warehouse/bronze/events/data").value();
    for (const auto& file : files) {
      names.push_back(file.location.substr(file.location.rfind('/') + 1));
    }
    return names;
  }
  int64_t SnapshotId(size_t i) { return table.Metadata()->snapshots[i].snapshot_id; }

  TestTable table{Properties{{"commit.manifest.min-count-to-merge", "4"}}};
};

TEST_F(ExpiredFilesTest, KeepsEveryRowOfAnAppendedTable) {
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) {
    names.push_back("f" + std::to_string(100 + i));
    Append(names.back());
  }
  const auto metadata = Expire(10);
  EXPECT_EQ(metadata->snapshots.size(), 8U);
  EXPECT_EQ(table.Live(), names);
  EXPECT_EQ(DataFiles(), names);
  // Lists and merged manifests of snapshots that are gone are gone too.
  EXPECT_THAT(table.Orphans(), IsEmpty());
  for (const Snapshot& snapshot : metadata->snapshots) {
    EXPECT_EQ(table.Live(snapshot.snapshot_id).size(),
              static_cast<size_t>(snapshot.sequence_number));
  }
}

TEST_F(ExpiredFilesTest, RemovesReplacedFilesOnceNoSnapshotHasThem) {
  Append("a", 1);
  Append("b", 2);
  table.MustCommit(OverwritePartitions({{Literal(1)}}, {NewFile("c", 1)}, {}));
  table.MustCommit(SetTag("before", SnapshotId(1)));
  table.MustCommit(OverwritePartitions({{Literal(1)}}, {NewFile("d", 1)}, {}));
  Expire(2);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 2U);
  EXPECT_THAT(DataFiles(), ElementsAre("a", "b", "d"));  // a: of the tag
  EXPECT_THAT(table.Live(), UnorderedElementsAre("b", "d"));
  EXPECT_THAT(table.Live(table.Metadata()->refs.at("before").snapshot_id),
              UnorderedElementsAre("a", "b"));
  EXPECT_THAT(table.Orphans(), IsEmpty());

  table.MustCommit(SetTag("before", table.Metadata()->current_snapshot_id));
  Expire(1);
  EXPECT_THAT(DataFiles(), ElementsAre("b", "d"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST_F(ExpiredFilesTest, LeavesAFileThatWasAddedAgain) {
  Append("a");
  table.MustCommit(OverwriteAll({NewFile("b", 1)}, {}));
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  Expire(1);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 1U);
  EXPECT_THAT(table.Live(), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(DataFiles(), ElementsAre("a", "b"));
}

TEST_F(ExpiredFilesTest, SaysThatItCannotTellWhenTheSnapshotOfALostReplyHasExpired) {
  Append("a");
  table.catalog.lose_replies = 1;
  table.catalog.after_commit = [&] {
    Append("c");
    Append("d");
    Expire(1);
  };
  const auto committed = table.Commit(AppendFiles({NewFile("b", 1)}, {}));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::kCommitStateUnknown);
  EXPECT_THAT(table.Live(), UnorderedElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST_F(ExpiredFilesTest, IsPartOfTheCommitThatMakesTheSnapshot) {
  for (int i = 0; i < 20; ++i) {
    table.MustCommit(AppendFiles({NewFile("f" + std::to_string(100 + i), 1)}, {}),
                     ExpireSnapshots(KeepAtMost(5)));
    EXPECT_LE(table.Metadata()->snapshots.size(), 5U);
    EXPECT_THAT(table.Orphans(), IsEmpty());
  }
  EXPECT_EQ(table.Live().size(), 20U);
  EXPECT_EQ(table.Metadata()->snapshot_log.size(), table.Metadata()->snapshots.size());
}

TEST_F(ExpiredFilesTest, RemovesNothingThatAnotherCommitKept) {
  for (int i = 0; i < 6; ++i) {
    const std::string name = "f" + std::to_string(i);
    table.MustCommit(OverwriteAll({NewFile(name, 1)}, {}));
  }
  const int64_t tagged = SnapshotId(1);
  // Between our plan and our commit somebody tags what we were about to expire.
  table.catalog.before_commit = [&] { table.MustCommit(SetTag("mine", tagged)); };
  Expire(2);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 2U);
  EXPECT_THAT(table.Live(tagged), ElementsAre("f1"));
  EXPECT_THAT(DataFiles(), ElementsAre("f1", "f5"));
}

// While we look what the others share with ours, somebody else expires them and removes their
// files.
TEST_F(ExpiredFilesTest, LeavesNothingBehindBesideAnotherThatExpiresMore) {
  Append("kept", 2);
  ReplaceDay1(6);
  Transaction first(table.catalog, table.Context());
  first.Add(table.identifier, ExpireSnapshots(KeepAtMost(4)));
  table.catalog.after_commit = [&] { Expire(1); };
  ASSERT_TRUE(first.Commit());
  EXPECT_THAT(first.left_behind(), IsEmpty());
  EXPECT_THAT(DataFiles(), ElementsAre("f5", "kept"));
  EXPECT_THAT(table.Live(), UnorderedElementsAre("f5", "kept"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

// The table that tells of a commit whose reply was lost lacks what others have expired since, too.
TEST_F(ExpiredFilesTest, LeavesNothingBehindBesideAnotherThatExpiresMoreWhenTheReplyIsLost) {
  ReplaceAll(6);
  Transaction first(table.catalog, table.Context());
  first.Add(table.identifier, AppendFiles({NewFile("mine", 2)}, {}));
  first.Add(table.identifier, ExpireSnapshots(KeepAtMost(4)));
  table.catalog.lose_replies = 1;
  table.catalog.after_commit = [&] { Expire(1); };
  ASSERT_TRUE(first.Commit());
  EXPECT_THAT(first.left_behind(), IsEmpty());
  EXPECT_THAT(table.Live(), UnorderedElementsAre("f5", "mine"));
  EXPECT_THAT(DataFiles(), ElementsAre("f5", "mine"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

// What an older state of the table does not name may well be in use.
TEST_F(ExpiredFilesTest, RemovesNothingByAnOlderStateOfTheTable) {
  Append("a");
  Append("b");
  const Table old = *table.catalog.LoadTable(table.identifier);
  Append("kept", 2);
  ReplaceDay1(3);
  Transaction first(table.catalog, table.Context());
  first.Add(table.identifier, ExpireSnapshots(KeepAtMost(2)));
  table.catalog.after_commit = [&] {
    Expire(1);
    table.catalog.stale = old;
  };
  ASSERT_TRUE(first.Commit());
  EXPECT_EQ(first.left_behind().size(), 1U);
  EXPECT_THAT(table.Live(), UnorderedElementsAre("f2", "kept"));
  EXPECT_THAT(DataFiles(), testing::IsSupersetOf({"f2", "kept"}));
}

// What is missing for another reason stays missing when the table is looked at again.
TEST_F(ExpiredFilesTest, LeavesEverythingWhereAListIsMissing) {
  ReplaceAll(3);
  const std::string list = table.Metadata()->snapshots[1].manifest_list;
  Transaction transaction(table.catalog, table.Context());
  transaction.Add(table.identifier, ExpireSnapshots(KeepAtMost(1)));
  ASSERT_TRUE(table.fs.Remove(list));
  ASSERT_TRUE(transaction.Commit());
  ASSERT_EQ(transaction.left_behind().size(), 1U);
  EXPECT_THAT(transaction.left_behind()[0].message, HasSubstr(list));
  EXPECT_THAT(DataFiles(), ElementsAre("f0", "f1", "f2"));
}

TEST_F(ExpiredFilesTest, RemovesNothingWhileTheOutcomeIsUnknown) {
  ReplaceAll(4);
  table.catalog.lose_replies = 1;
  Transaction lost(table.catalog, table.Context(), {.backoff = {.attempts = 1}});
  lost.Add(table.identifier, AppendFiles({NewFile("g", 2)}, {}));
  lost.Add(table.identifier, ExpireSnapshots(KeepAtMost(1)));
  table.catalog.before_commit = [&] { table.catalog.fail_loads = 1; };
  const auto unknown = lost.Commit();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kCommitStateUnknown);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 1U);  // it did take effect
  EXPECT_EQ(DataFiles().size(), 5U);
}

TEST_F(ExpiredFilesTest, RemovesFilesAfterALostReplyWasLookedUp) {
  ReplaceAll(4);
  table.catalog.lose_replies = 1;
  table.MustCommit(AppendFiles({NewFile("g", 2)}, {}), ExpireSnapshots(KeepAtMost(1)));
  EXPECT_THAT(DataFiles(), ElementsAre("f3", "g"));
  EXPECT_THAT(table.Live(), UnorderedElementsAre("f3", "g"));
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST_F(ExpiredFilesTest, LeavesFilesOfOthersAlone) {
  DataFile imported = table.File("x", 1);
  imported.file_path = "/elsewhere/x";
  ASSERT_TRUE(io::WriteAll(table.fs, imported.file_path, "rows"));
  table.MustCommit(AppendFiles({imported}, {}));
  table.MustCommit(OverwriteAll({NewFile("y", 1)}, {}));
  Expire(1);
  EXPECT_EQ(table.Metadata()->snapshots.size(), 1U);
  EXPECT_TRUE(table.fs.Contains("/elsewhere/x"));
}

TEST_F(ExpiredFilesTest, LeavesEverythingWhereSomethingCannotBeRead) {
  Append("a", 1);
  table.MustCommit(OverwriteAll({NewFile("b", 1)}, {}));
  table.MustCommit(OverwriteAll({NewFile("c", 1)}, {}));
  const std::string list = table.Metadata()->snapshots[2].manifest_list;
  const std::string whole = table.fs.Bytes(list);
  Transaction transaction(table.catalog, table.Context());
  transaction.Add(table.identifier, ExpireSnapshots(KeepAtMost(1)));
  table.fs.Bytes(list) = "damaged";
  ASSERT_TRUE(transaction.Commit());
  ASSERT_EQ(transaction.left_behind().size(), 1U);
  EXPECT_THAT(transaction.left_behind()[0].message, HasSubstr(list));
  EXPECT_THAT(transaction.left_behind()[0].message, HasSubstr("left behind"));
  EXPECT_THAT(DataFiles(), ElementsAre("a", "b", "c"));
  table.fs.Bytes(list) = whole;
  EXPECT_THAT(table.Live(), ElementsAre("c"));
}

// Whatever a history of appends, overwrites, tags, branches and rollbacks: what remains is whole,
// and nothing else is left.
TEST(ExpiredFilesPropertyTest, KeepsExactlyWhatIsReachable) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestTable table(Properties{{"commit.manifest.min-count-to-merge", "3"}});
    SeededRandom random(seed);
    const auto below = [&](uint64_t n) { return random.Next() % n; };
    int files = 0;
    const auto new_file = [&](int32_t day) {
      DataFile file = table.File("f" + std::to_string(files++), day);
      EXPECT_TRUE(io::WriteAll(table.fs, file.file_path, "rows"));
      return file;
    };
    std::map<int64_t, std::vector<std::string>> states;
    for (int step = 0; step < 60; ++step) {
      table.clock.Advance(static_cast<int64_t>(below(40)) * kMinuteMicros);
      const auto day = static_cast<int32_t>(below(3));
      const auto metadata = table.Metadata();
      const size_t count = metadata->snapshots.size();
      switch (below(count == 0 ? 1 : 10)) {
        case 5:
          table.MustCommit(OverwritePartitions({{Literal(day)}}, {new_file(day)}, {}));
          break;
        case 6:
          table.MustCommit(SetTag("t" + std::to_string(below(2)),
                                  metadata->snapshots[below(count)].snapshot_id));
          break;
        case 7: {
          const auto line = AncestorsOf(*metadata, *metadata->current_snapshot_id);
          table.MustCommit(RollbackTo(line[below(line.size())]->snapshot_id));
          break;
        }
        case 8:
        case 9:
          table.MustCommit(ExpireSnapshots(KeepAtMost(static_cast<int64_t>(2 + below(8)))));
          break;
        default:
          table.MustCommit(AppendFiles({new_file(day)}, {}));
      }
      const auto now = table.Metadata();
      if (now->current_snapshot_id) {
        states.emplace(*now->current_snapshot_id, table.Live(now->current_snapshot_id));
      }
    }
    table.MustCommit(ExpireSnapshots(KeepAtMost(4)));
    std::set<std::string> reachable;
    for (const Snapshot& snapshot : table.Metadata()->snapshots) {
      const auto live = table.Live(snapshot.snapshot_id);
      EXPECT_EQ(live, states.at(snapshot.snapshot_id));
      reachable.insert(live.begin(), live.end());
    }
    std::set<std::string> present;
    const auto data = table.fs.List("/warehouse/bronze/events/data").value();
    for (const auto& file : data) {
      present.insert(file.location.substr(file.location.rfind('/') + 1));
    }
    EXPECT_EQ(present, reachable);
    EXPECT_THAT(table.Orphans(), IsEmpty());
  }
}

}  // namespace
}  // namespace octolake::iceberg
