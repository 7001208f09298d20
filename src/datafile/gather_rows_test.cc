#include "datafile/gather_rows.h"

#include <arrow/compute/api_vector.h>
#include <arrow/compute/initialize.h>
#include <arrow/table.h>
#include <gtest/gtest.h>

#include <random>

#include "datafile/all_types_for_test.h"
#include "datafile/table_for_test.h"

namespace octolake::datafile {
namespace {

// Against Arrow's own copy of rows, of one batch with all of them.
void Check(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches, uint64_t seed) {
  std::vector<RowPlace> all;
  for (uint32_t batch = 0; batch < batches.size(); ++batch) {
    for (uint32_t row = 0; row < batches[batch]->num_rows(); ++row) all.push_back({batch, row});
  }
  const auto together = arrow::ConcatenateRecordBatches(batches).ValueOrDie();
  std::mt19937_64 random(seed);
  std::vector<RowPlace> places;
  std::vector<int64_t> rows;
  for (size_t i = 0; i < 3 * all.size(); ++i) {
    const size_t row = random() % all.size();
    places.push_back(all[row]);
    rows.push_back(static_cast<int64_t>(row));
  }
  const auto gathered = GatherRows(batches, places);
  ASSERT_TRUE(gathered) << gathered.error().message;
  ASSERT_TRUE((*gathered)->ValidateFull().ok()) << (*gathered)->ValidateFull().ToString();
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  const arrow::Int64Array indices(static_cast<int64_t>(rows.size()), arrow::Buffer::Wrap(rows));
  for (int column = 0; column < together->num_columns(); ++column) {
    const auto expected = arrow::compute::Take(*together->column(column), indices).ValueOrDie();
    EXPECT_TRUE((*gathered)->column(column)->Equals(
        *expected, arrow::EqualOptions::Defaults().nans_equal(true)))
        << together->schema()->field(column)->ToString();
    EXPECT_EQ((*gathered)->column(column)->null_count(), expected->null_count());
  }
}

TEST(GatherRows, AllTypesFromSlicesOfBatches) {
  const auto batch = AllTypesBatch();
  Check({batch}, 1);
  Check({batch, batch->Slice(1), batch->Slice(0, 1), batch->Slice(2, 2)}, 2);
}

TEST(GatherRows, ColumnsWithNullsInSomeBatchesOnly) {
  const auto with = MakeBatch({{"n", arrow::int64(), "[1, null, 3]"},
                               {"s", arrow::utf8(), R"(["a", null, ""])"},
                               {"b", arrow::boolean(), "[true, null, false]"},
                               {"none", arrow::utf8(), "[null, null, null]"}});
  const auto without = MakeBatch({{"n", arrow::int64(), "[4, 5]"},
                                  {"s", arrow::utf8(), R"(["bb", "ccc"])"},
                                  {"b", arrow::boolean(), "[true, false]"},
                                  {"none", arrow::utf8(), "[null, null]"}});
  Check({with, without}, 3);
  Check({without, with->Slice(1)}, 4);
  Check({without}, 5);
}

TEST(GatherRows, TypesThatNoTableHas) {
  const auto batch = MakeBatch({{"list", arrow::list(arrow::int32()), "[[1, 2], null, []]"},
                                {"large", arrow::large_utf8(), R"(["x", null, "y"])"}});
  Check({batch, batch->Slice(1)}, 6);
}

TEST(GatherRows, NoRows) {
  const auto none = GatherRows({AllTypesBatch()}, {});
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ((*none)->num_rows(), 0);
  EXPECT_TRUE((*none)->ValidateFull().ok());
}

}  // namespace
}  // namespace octolake::datafile
