#include "iceberg/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Op = Predicate::Op;

constexpr int64_t kDayMicros = 86'400'000'000;

Literal Long(int64_t value) { return Literal(value); }
Literal Text(std::string value) { return Literal(std::move(value)); }

Predicate Where(std::string column, Op op, std::vector<Literal> values = {}) {
  return {.column = std::move(column), .op = op, .values = std::move(values)};
}

// A file with bounds of one column.
template <typename T>
DataFile Bounded(const TableMetadata& metadata, const std::string& column, T lower, T upper) {
  const Field& field = *metadata.CurrentSchema().FindByName(column);
  DataFile file;
  file.partition = {std::nullopt};
  file.record_count = 10;
  file.value_counts[field.id] = 10;
  file.null_value_counts[field.id] = 2;
  file.nan_value_counts[field.id] = 0;
  file.lower_bounds[field.id] = EncodeLiteral(*field.type, Literal(lower)).value();
  file.upper_bounds[field.id] = EncodeLiteral(*field.type, Literal(upper)).value();
  return file;
}

TEST(FileMayMatchTest, ComparesWithBounds) {
  TestTable table;
  const auto metadata = table.Metadata();
  const DataFile file = Bounded<int64_t>(*metadata, "id", 10, 20);
  struct Case {
    Op op;
    std::vector<Literal> values;
    bool expected;
  };
  const std::vector<Case> cases = {{Op::kEq, {Long(9)}, false},
                                   {Op::kEq, {Long(10)}, true},
                                   {Op::kEq, {Long(20)}, true},
                                   {Op::kEq, {Long(21)}, false},
                                   {Op::kLess, {Long(10)}, false},
                                   {Op::kLess, {Long(11)}, true},
                                   {Op::kLessOrEqual, {Long(9)}, false},
                                   {Op::kLessOrEqual, {Long(10)}, true},
                                   {Op::kGreater, {Long(20)}, false},
                                   {Op::kGreater, {Long(19)}, true},
                                   {Op::kGreaterOrEqual, {Long(21)}, false},
                                   {Op::kGreaterOrEqual, {Long(20)}, true},
                                   {Op::kIn, {Long(1), Long(30)}, false},
                                   {Op::kIn, {Long(1), Long(15)}, true},
                                   {Op::kIn, {}, false},
                                   {Op::kIsNull, {}, true},
                                   {Op::kNotNull, {}, true}};
  for (const Case& c : cases) {
    const auto may_match = FileMayMatch(*metadata, file, {Where("id", c.op, c.values)});
    ASSERT_TRUE(may_match) << may_match.error().message;
    EXPECT_EQ(*may_match, c.expected)
        << static_cast<int>(c.op) << " "
        << (c.values.empty() ? "" : LiteralText(*LongType(), c.values[0]));
  }
}

TEST(FileMayMatchTest, KnowsFilesWithoutNullsAndOfNullsOnly) {
  TestTable table;
  const auto metadata = table.Metadata();
  DataFile file = Bounded<int64_t>(*metadata, "id", 1, 2);
  file.null_value_counts[1] = 0;
  EXPECT_FALSE(FileMayMatch(*metadata, file, {Where("id", Op::kIsNull)}).value());
  DataFile nulls;
  nulls.record_count = 3;
  nulls.null_value_counts[1] = 3;
  nulls.value_counts[1] = 3;
  EXPECT_TRUE(FileMayMatch(*metadata, nulls, {Where("id", Op::kIsNull)}).value());
  EXPECT_FALSE(FileMayMatch(*metadata, nulls, {Where("id", Op::kNotNull)}).value());
  EXPECT_FALSE(FileMayMatch(*metadata, nulls, {Where("id", Op::kEq, {Long(1)})}).value());
  DataFile unknown;
  unknown.record_count = 3;
  EXPECT_TRUE(FileMayMatch(*metadata, unknown, {Where("id", Op::kEq, {Long(1)})}).value());
  EXPECT_TRUE(FileMayMatch(*metadata, unknown, {Where("id", Op::kIsNull)}).value());
}

TEST(FileMayMatchTest, NanAndNegativeZeroAreNeverLost) {
  TestTable table;
  const auto metadata = table.Metadata();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  DataFile file = Bounded<double>(*metadata, "score", 1.0, 2.0);
  EXPECT_FALSE(
      FileMayMatch(*metadata, file, {Where("score", Op::kGreater, {Literal(5.0)})}).value());
  file.nan_value_counts[4] = 1;
  EXPECT_TRUE(
      FileMayMatch(*metadata, file, {Where("score", Op::kGreater, {Literal(5.0)})}).value());
  EXPECT_FALSE(FileMayMatch(*metadata, file, {Where("score", Op::kEq, {Literal(5.0)})}).value());
  EXPECT_TRUE(FileMayMatch(*metadata, file, {Where("score", Op::kEq, {Literal(nan)})}).value());
  const DataFile zero = Bounded<double>(*metadata, "score", -0.0, -0.0);
  EXPECT_TRUE(FileMayMatch(*metadata, zero, {Where("score", Op::kEq, {Literal(0.0)})}).value());
  EXPECT_TRUE(
      FileMayMatch(*metadata, zero, {Where("score", Op::kGreaterOrEqual, {Literal(0.0)})}).value());
}

TEST(FileMayMatchTest, TruncatedTextBoundsHold) {
  TestTable table;
  const auto metadata = table.Metadata();
  // Of values "abcdef" to "abczzz", cut to three characters.
  const DataFile file = Bounded<std::string>(*metadata, "name", "abc", "abd");
  EXPECT_TRUE(FileMayMatch(*metadata, file, {Where("name", Op::kEq, {Text("abczzz")})}).value());
  EXPECT_TRUE(FileMayMatch(*metadata, file, {Where("name", Op::kGreater, {Text("abcz")})}).value());
  EXPECT_FALSE(FileMayMatch(*metadata, file, {Where("name", Op::kEq, {Text("abe")})}).value());
  EXPECT_FALSE(FileMayMatch(*metadata, file, {Where("name", Op::kLess, {Text("abc")})}).value());
}

// Of values from "AAAA\u2022..." (E2 80 A2) to "zz\u2022...", cut within that character: the lower
// bound is one all the same, the upper one would leave the greatest values out.
TEST(FileMayMatchTest, BoundsCutWithinACharacterLoseNothing) {
  TestTable table;
  const auto metadata = table.Metadata();
  const std::string bullet = "\u2022";
  for (const std::string& cut : {bullet.substr(0, 1), bullet.substr(0, 2), std::string()}) {
    const DataFile file = Bounded<std::string>(*metadata, "name", "AAAA" + cut, "zz" + cut);
    const auto may_match = [&](Op op, const std::string& value) {
      return FileMayMatch(*metadata, file, {Where("name", op, {Text(value)})}).value();
    };
    for (const std::string& value : {"AAAA" + bullet, "zz" + bullet, "zz" + bullet + " and more"}) {
      EXPECT_TRUE(may_match(Op::kEq, value)) << value;
      EXPECT_TRUE(may_match(Op::kIn, value)) << value;
      EXPECT_TRUE(may_match(Op::kGreaterOrEqual, value)) << value;
      EXPECT_TRUE(may_match(Op::kLessOrEqual, value)) << value;
    }
    EXPECT_TRUE(may_match(Op::kGreater, "zz" + bullet));
    EXPECT_TRUE(may_match(Op::kGreater, "zz" + cut));
    EXPECT_TRUE(may_match(Op::kLess, "AAAA" + bullet + "x"));
    // What no value can be is still left out.
    EXPECT_FALSE(may_match(Op::kEq, "AAA"));
    EXPECT_FALSE(may_match(Op::kLess, "AAAA"));
    EXPECT_FALSE(may_match(Op::kGreater, "{"));
    EXPECT_FALSE(may_match(Op::kEq, "{"));
    // ... also of those that begin as the bound does, if it was cut at another character.
    EXPECT_EQ(may_match(Op::kEq, "zz\xF0\x9F\x98\x80"), cut.empty());
  }
  // Empty texts are not cut ones.
  const DataFile empty = Bounded<std::string>(*metadata, "name", "", "");
  EXPECT_FALSE(FileMayMatch(*metadata, empty, {Where("name", Op::kEq, {Text("a")})}).value());
}

TEST(FileMayMatchTest, NanIsNoBoundOfAColumn) {
  TestTable table;
  const auto metadata = table.Metadata();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto may_match = [&](DataFile file, Op op, double value) {
    file.nan_value_counts[4] = 0;  // as some that write it into bounds say
    return FileMayMatch(*metadata, file, {Where("score", op, {Literal(value)})}).value();
  };
  for (const auto& [lower, upper] :
       {std::pair(nan, nan), std::pair(-nan, nan), std::pair(1.0, nan), std::pair(nan, 9.0)}) {
    const DataFile file = Bounded<double>(*metadata, "score", lower, upper);
    for (const Op op :
         {Op::kEq, Op::kIn, Op::kLess, Op::kLessOrEqual, Op::kGreater, Op::kGreaterOrEqual}) {
      EXPECT_TRUE(may_match(file, op, 5.0)) << lower << " to " << upper;
    }
  }
  // The other bound holds.
  EXPECT_FALSE(may_match(Bounded<double>(*metadata, "score", 1.0, nan), Op::kLess, 1.0));
  EXPECT_FALSE(may_match(Bounded<double>(*metadata, "score", nan, 9.0), Op::kGreater, 9.0));
}

TEST(FileMayMatchTest, RefusesWhatItCannotCompare) {
  TestTable table;
  const auto metadata = table.Metadata();
  const auto kind = [&](Predicate predicate) {
    return FileMayMatch(*metadata, DataFile(), {std::move(predicate)}).error().kind;
  };
  EXPECT_EQ(kind(Where("absent", Op::kIsNull)), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(Where("id", Op::kEq, {Text("1")})), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(Where("id", Op::kEq)), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind(Where("id", Op::kIsNull, {Long(1)})), ErrorKind::kInvalidArgument);
  DataFile damaged;
  damaged.file_path = "/x.parquet";
  damaged.record_count = 1;
  damaged.lower_bounds[1] = "abc";
  const auto result = FileMayMatch(*metadata, damaged, {Where("id", Op::kEq, {Long(1)})});
  EXPECT_EQ(result.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(result.error().message, HasSubstr("/x.parquet"));
}

PartitionSpec SpecOf(int32_t source_id, const std::string& transform) {
  return {.fields = {{.source_id = source_id,
                      .field_id = 1000,
                      .name = "part",
                      .transform = Transform::Parse(transform).value()}}};
}

// For random values and limits: a manifest or file whose partition is the transform of a value that
// satisfies the predicate must never be pruned; and pruning must happen at all.
void CheckProjection(int32_t source_id, const std::string& column, const std::string& transform,
                     const std::function<Literal(uint64_t)>& value_of) {
  TestTable table({}, SpecOf(source_id, transform));
  const auto metadata = table.Metadata();
  const Field& field = *metadata->CurrentSchema().FindById(source_id);
  const Transform parsed = Transform::Parse(transform).value();
  SeededRandom random(7);
  int pruned = 0;
  for (int i = 0; i < 2'000; ++i) {
    const Literal value = value_of(random.Next());
    const Literal limit = random.Next() % 4 == 0 ? value : value_of(random.Next());
    const Op ops[] = {Op::kEq,      Op::kLess,           Op::kLessOrEqual,
                      Op::kGreater, Op::kGreaterOrEqual, Op::kIn};
    const Op op = ops[random.Next() % 6];
    const auto order = CompareLiterals(value, limit);
    const bool holds = (op == Op::kLess && order < 0) || (op == Op::kLessOrEqual && order <= 0) ||
                       (op == Op::kGreater && order > 0) ||
                       (op == Op::kGreaterOrEqual && order >= 0) ||
                       ((op == Op::kEq || op == Op::kIn) && order == 0);
    DataFile file;
    file.record_count = 1;
    file.partition = {parsed.Apply(*field.type, value).value()};
    const bool may_match = FileMayMatch(*metadata, file, {Where(column, op, {limit})}).value();
    ASSERT_TRUE(may_match || !holds) << transform << " op " << static_cast<int>(op);
    if (!may_match) ++pruned;
  }
  EXPECT_GT(pruned, 100) << transform;
}

TEST(FileMayMatchTest, ProjectsThroughEveryTransform) {
  const auto day = [](uint64_t r) { return Literal(static_cast<int32_t>(r % 2'000) - 1'000); };
  const auto at = [](uint64_t r) {
    return Literal(static_cast<int64_t>(r % (1'000 * kDayMicros)) - 500 * kDayMicros);
  };
  const auto id = [](uint64_t r) { return Literal(static_cast<int64_t>(r % 200) - 100); };
  const auto name = [](uint64_t r) {
    return Literal(std::string(1, static_cast<char>('a' + r % 5)) + std::to_string(r % 7));
  };
  for (const char* transform : {"identity", "day", "month", "year"}) {
    CheckProjection(3, "day", transform, day);
  }
  for (const char* transform : {"identity", "hour", "day", "month", "year", "bucket[16]"}) {
    CheckProjection(5, "at", transform, at);
  }
  for (const char* transform : {"identity", "truncate[10]", "bucket[4]"}) {
    CheckProjection(1, "id", transform, id);
  }
  for (const char* transform : {"identity", "truncate[1]", "bucket[4]"}) {
    CheckProjection(2, "name", transform, name);
  }
}

TEST(PlanScanTest, ReadsOnlyManifestsThatMayMatch) {
  TestTable table;
  for (int day = 0; day < 5; ++day) {
    table.MustCommit(AppendFiles({table.File("d" + std::to_string(day), day)}, {}));
  }
  table.fs.TakeOpened();
  EXPECT_THAT(table.Live({}, {Where("day", Op::kGreater, {Literal(2)})}), ElementsAre("d3", "d4"));
  EXPECT_EQ(table.fs.TakeOpened().size(), 3U);  // one list, two manifests
  EXPECT_THAT(table.Live({}, {Where("day", Op::kIsNull)}), IsEmpty());
  EXPECT_THAT(table.Live({}, {Where("day", Op::kIn, {Literal(1), Literal(4)})}),
              ElementsAre("d1", "d4"));
}

TEST(PlanScanTest, SeesOlderSnapshotsAsTheyWere) {
  TestTable table;
  EXPECT_THAT(table.Live(), IsEmpty());
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.MustCommit(OverwriteAll({table.File("b", 1)}, {}));
  const auto metadata = table.MustCommit(AppendFiles({table.File("c", 1)}, {}));
  EXPECT_THAT(table.Live(metadata->snapshots[0].snapshot_id), ElementsAre("a"));
  EXPECT_THAT(table.Live(metadata->snapshots[1].snapshot_id), ElementsAre("b"));
  EXPECT_THAT(table.Live(), ElementsAre("b", "c"));
  EXPECT_EQ(PlanScan(table.fs, *metadata, 1, {}).error().kind, ErrorKind::kNotFound);
}

TEST(PlanScanTest, GivesSnapshotAndSequenceNumberOfEachFile) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "2"}});
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  const auto metadata = table.MustCommit(AppendFiles({table.File("b", 1)}, {}));
  const auto tasks = PlanScan(table.fs, *metadata, {}, {}).value();
  ASSERT_EQ(tasks.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(tasks[i].snapshot_id, metadata->snapshots[i].snapshot_id);
    EXPECT_EQ(tasks[i].sequence_number, static_cast<int64_t>(i + 1));
  }
}

TEST(PlanAppendsBetweenTest, GivesWhatWasAddedWithMergingOnTheWay) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "2"}});
  for (int i = 0; i < 5; ++i) {
    table.MustCommit(AppendFiles({table.File("f" + std::to_string(i), i)}, {}));
  }
  const auto metadata = table.Metadata();
  const auto id = [&](size_t i) { return metadata->snapshots[i].snapshot_id; };
  const auto between = [&](std::optional<int64_t> from, int64_t to, const Filter& filter = {}) {
    return TestTable::Names(PlanAppendsBetween(table.fs, *metadata, from, to, filter));
  };
  EXPECT_THAT(between(id(1), id(4)), ElementsAre("f2", "f3", "f4"));
  EXPECT_THAT(between(id(3), id(4)), ElementsAre("f4"));
  EXPECT_THAT(between(id(4), id(4)), IsEmpty());
  EXPECT_THAT(between({}, id(2)), ElementsAre("f0", "f1", "f2"));
  EXPECT_THAT(between(id(0), id(4), {Where("day", Op::kEq, {Literal(3)})}), ElementsAre("f3"));
  EXPECT_EQ(PlanAppendsBetween(table.fs, *metadata, id(4), id(1), {}).error().kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(PlanAppendsBetween(table.fs, *metadata, 1, id(1), {}).error().kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(PlanAppendsBetween(table.fs, *metadata, id(1), 1, {}).error().kind,
            ErrorKind::kNotFound);
}

TEST(PlanAppendsBetweenTest, StopsAtWhatIsNoAppend) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.MustCommit(OverwriteAll({table.File("b", 1)}, {}));
  const auto metadata = table.MustCommit(AppendFiles({table.File("c", 1)}, {}));
  const auto& snapshots = metadata->snapshots;
  const auto over = PlanAppendsBetween(table.fs, *metadata, snapshots[0].snapshot_id,
                                       snapshots[2].snapshot_id, {});
  EXPECT_EQ(over.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(over.error().message, HasSubstr(std::to_string(snapshots[1].snapshot_id)));
  EXPECT_THAT(TestTable::Names(PlanAppendsBetween(table.fs, *metadata, snapshots[1].snapshot_id,
                                                  snapshots[2].snapshot_id, {})),
              ElementsAre("c"));
  TableMetadata replaced = *metadata;
  replaced.snapshots.Change(1, [](Snapshot& one) { one.summary["operation"] = "replace"; });
  EXPECT_THAT(TestTable::Names(PlanAppendsBetween(table.fs, replaced, snapshots[0].snapshot_id,
                                                  snapshots[2].snapshot_id, {})),
              ElementsAre("c"));
}

TableMetadata Without(const TableMetadata& metadata, size_t i) {
  TableMetadata copy = metadata;
  copy.snapshots.EraseIf([id = metadata.snapshots[i].snapshot_id](const Snapshot& one) {
    return one.snapshot_id == id;
  });
  return copy;
}

TEST(PlanAppendsBetweenTest, NeedsNoSnapshotInBetween) {
  TestTable table(Properties{{"commit.manifest.min-count-to-merge", "2"}});
  for (int i = 0; i < 6; ++i) {
    table.MustCommit(AppendFiles({table.File("f" + std::to_string(i), i)}, {}));
  }
  TableMetadata metadata = *table.Metadata();
  const int64_t from = metadata.snapshots[1].snapshot_id;
  const int64_t to = metadata.snapshots[5].snapshot_id;
  for (int i = 0; i < 3; ++i) metadata = Without(metadata, 2);
  const auto tasks = PlanAppendsBetween(table.fs, metadata, from, to, {});
  EXPECT_THAT(TestTable::Names(tasks), ElementsAre("f2", "f3", "f4", "f5"));
  EXPECT_EQ(tasks->front().sequence_number, 3);
  EXPECT_THAT(TestTable::Names(PlanAppendsBetween(table.fs, metadata, from, to,
                                                  {Where("day", Op::kEq, {Literal(4)})})),
              ElementsAre("f4"));
}

TEST(PlanAppendsBetweenTest, SaysSoWhereAnExpiredSnapshotMayHaveReplacedFiles) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 2)}, {}));
  table.MustCommit(OverwritePartitions({{Literal(1)}}, {table.File("c", 1)}, {}));
  const auto whole = table.MustCommit(AppendFiles({table.File("d", 1)}, {}));
  const TableMetadata metadata = Without(*whole, 1);
  const auto between = PlanAppendsBetween(table.fs, metadata, metadata.snapshots[0].snapshot_id,
                                          metadata.snapshots[1].snapshot_id, {});
  EXPECT_EQ(between.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(between.error().message, HasSubstr("expired"));
}

TEST(PlanAppendsBetweenTest, SeesWhatIsLeftOfWhatWasAppended) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  table.MustCommit(AppendFiles({table.File("b", 2)}, {}));
  table.MustCommit(OverwritePartitions({{Literal(2)}}, {table.File("c", 2)}, {}));
  const auto metadata = table.Metadata();
  EXPECT_THAT(
      TestTable::Names(PlanAppendsBetween(table.fs, *metadata, metadata->snapshots[0].snapshot_id,
                                          *metadata->current_snapshot_id, {})),
      ElementsAre("c"));
}

}  // namespace
}  // namespace octolake::iceberg
