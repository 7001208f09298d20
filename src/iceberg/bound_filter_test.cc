// Pruning at the ends of what types and transforms can hold, and with bounds of other writers.
#include "iceberg/bound_filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "iceberg/partition_summary.h"
#include "iceberg/scan.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using Op = Predicate::Op;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();

Predicate Where(std::string column, Op op, Literal value) {
  return {.column = std::move(column), .op = op, .values = {std::move(value)}};
}

PartitionSpec SpecOf(int32_t source_id, const std::string& transform) {
  return {.fields = {{.source_id = source_id,
                      .field_id = 1000,
                      .name = "p",
                      .transform = Transform::Parse(transform).value()}}};
}

DataFile FileOf(std::optional<Literal> partition) {
  DataFile file;
  file.file_path = "/f";
  file.partition = {std::move(partition)};
  file.record_count = 1;
  return file;
}

ManifestFile ManifestOf(const Type& type, const std::vector<Literal>& partitions) {
  Type partition_type;
  partition_type.id = TypeId::kStruct;
  Field& field = partition_type.fields.emplace_back();
  field.type = std::make_shared<const Type>(type);
  PartitionSummaryBuilder builder(partition_type);
  for (const Literal& partition : partitions) builder.Add({partition});
  ManifestFile manifest;
  manifest.partitions = builder.Finish().value();
  return manifest;
}

// Below the least multiple of the width, truncation wraps round to great values.
TEST(BoundFilterTest, TruncationThatWrapsPrunesNothingItMustNot) {
  TestTable table({}, SpecOf(1, "truncate[10]"));
  const auto metadata = table.Metadata();
  const Transform truncate = Transform::Parse("truncate[10]").value();
  const Type type = *LongType();
  const std::vector<int64_t> edges = {
      kLeast, kLeast + 1, kLeast + 7, kLeast + 8,     kLeast + 9,    -11,           -10,
      -1,     0,          10,         kGreatest - 11, kGreatest - 7, kGreatest - 1, kGreatest};
  for (const int64_t value : edges) {
    const DataFile file = FileOf(truncate.Apply(type, Literal(value)).value());
    const ManifestFile manifest =
        ManifestOf(type, {*file.partition[0], *truncate.Apply(type, Literal(int64_t{0})).value()});
    for (const int64_t limit : edges) {
      const std::pair<Op, bool> cases[] = {{Op::kEq, value == limit},
                                           {Op::kLess, value < limit},
                                           {Op::kLessOrEqual, value <= limit},
                                           {Op::kGreater, value > limit},
                                           {Op::kGreaterOrEqual, value >= limit}};
      for (const auto& [op, holds] : cases) {
        if (!holds) continue;
        const Filter filter = {Where("id", op, Literal(limit))};
        const auto bound = BoundFilter::Bind(*metadata, filter).value();
        EXPECT_TRUE(bound.FileMayMatch(file).value())
            << value << " op " << static_cast<int>(op) << " " << limit;
        EXPECT_TRUE(bound.ManifestMayMatch(manifest).value())
            << value << " op " << static_cast<int>(op) << " " << limit;
      }
    }
  }
  // What is far from the end is pruned as ever.
  EXPECT_FALSE(FileMayMatch(*metadata, FileOf(Literal(int64_t{20})),
                            {Where("id", Op::kLess, Literal(int64_t{20 - 1}))})
                   .value());
}

TEST(BoundFilterTest, ALimitTheTransformCannotTakePrunesNothing) {
  TestTable table({}, SpecOf(5, "hour"));
  const auto metadata = table.Metadata();
  for (const int64_t limit : {kLeast, kGreatest}) {
    const Filter filter = {Where("at", Op::kGreaterOrEqual, Literal(limit))};
    const auto may_match = FileMayMatch(*metadata, FileOf(Literal(int32_t{5})), filter);
    ASSERT_TRUE(may_match) << may_match.error().message;
    EXPECT_TRUE(*may_match);
  }
}

// Old writers put NaN into bounds; nothing can be told from such a bound.
TEST(BoundFilterTest, NanInAPartitionSummaryIsNoBound) {
  TestTable table({}, SpecOf(4, "identity"));
  const auto metadata = table.Metadata();
  const Type type = *DoubleType();
  const Literal nan(std::nan(""));
  for (const bool said : {true, false}) {
    ManifestFile manifest = ManifestOf(type, {Literal(1.0)});
    if (said) manifest.partitions[0].contains_nan = false;
    manifest.partitions[0].lower_bound = EncodeLiteral(type, nan).value();
    manifest.partitions[0].upper_bound = EncodeLiteral(type, Literal(-std::nan(""))).value();
    const auto bound =
        BoundFilter::Bind(*metadata, {Where("score", Op::kEq, Literal(1.0))}).value();
    EXPECT_TRUE(bound.ManifestMayMatch(manifest).value());
    const TypePtr partition_type =
        PartitionType(metadata->CurrentSchema(), metadata->DefaultSpec()).value();
    EXPECT_TRUE(SummariesMayContain(*partition_type, manifest.partitions, {Literal(1.0)}).value());
  }
}

}  // namespace
}  // namespace octolake::iceberg
