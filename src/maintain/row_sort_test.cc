#include "maintain/row_sort.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "base/temp_directory_for_test.h"

namespace octolake::maintain {
namespace {

using Batch = std::shared_ptr<arrow::RecordBatch>;

const auto kSchema =
    arrow::schema({arrow::field("key", arrow::int64()), arrow::field("text", arrow::utf8())});

Batch MakeBatch(const std::vector<int64_t>& keys) {
  arrow::Int64Builder key;
  arrow::StringBuilder text;
  for (const int64_t one : keys) {
    EXPECT_TRUE(key.Append(one).ok());
    EXPECT_TRUE(text.Append(std::to_string(one) + std::string(200, 'x')).ok());
  }
  return arrow::RecordBatch::Make(kSchema, static_cast<int64_t>(keys.size()),
                                  {key.Finish().ValueOrDie(), text.Finish().ValueOrDie()});
}

class RowSortTest : public ::testing::Test {
 protected:
  // The keys in the order in which they come out; checks that the texts go with them.
  std::vector<int64_t> Sort(const std::vector<int64_t>& keys, int64_t memory, size_t sampled) {
    size_t next = 0;
    const RowSource source = [&]() -> Result<Batch> {
      if (next == keys.size()) return Batch();
      const size_t end = std::min(next + 1000, keys.size());
      const std::vector<int64_t> some(keys.begin() + static_cast<std::ptrdiff_t>(next),
                                      keys.begin() + static_cast<std::ptrdiff_t>(end));
      next = end;
      return MakeBatch(some);
    };
    const auto order = std::make_shared<ColumnOrder>(
        std::vector<iceberg::Field>{{1, "key", iceberg::LongType(), false, ""}});
    const OrderMaker make_order = [&](const Rows* all) -> Result<SampledOrder> {
      in_memory_ = all != nullptr;
      if (all != nullptr) {
        int64_t rows = 0;
        for (const Batch& batch : *all) rows += batch->num_rows();
        EXPECT_EQ(rows, std::ssize(keys));
        return SampledOrder{order, {}};
      }
      std::vector<std::string> sample;
      for (size_t i = 0; i < sampled; ++i) {
        const auto one = order->KeysOf(*MakeBatch({keys[i * keys.size() / sampled]}));
        sample.emplace_back(one[0]);
      }
      return SampledOrder{order, std::move(sample)};
    };
    RowSortOptions options;
    options.memory_bytes = memory;
    options.temp_directory = directory_.path() + "/tmp";
    options.expected_rows = static_cast<int64_t>(keys.size());
    options.threads = threads_;
    std::vector<int64_t> sorted;
    const Status status = SortRows(source, make_order, options, [&](Batch batch) -> Status {
      const auto& key = static_cast<const arrow::Int64Array&>(*batch->column(0));
      const auto& text = static_cast<const arrow::StringArray&>(*batch->column(1));
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        sorted.push_back(key.Value(row));
        EXPECT_TRUE(text.GetView(row).starts_with(std::to_string(key.Value(row)) + "x"));
      }
      most_on_disk_ = std::max(most_on_disk_, FilesOnDisk());
      return {};
    });
    EXPECT_TRUE(status) << status.error().message;
    EXPECT_EQ(FilesOnDisk(), 0);
    return sorted;
  }

  int64_t FilesOnDisk() const {
    int64_t files = 0;
    std::error_code none;
    for (auto it = std::filesystem::recursive_directory_iterator(directory_.path(), none);
         it != std::filesystem::recursive_directory_iterator(); ++it) {
      files += it->is_regular_file() ? 1 : 0;
    }
    return files;
  }

  static std::vector<int64_t> Random(size_t count, int64_t most) {
    std::mt19937_64 random(count);
    std::vector<int64_t> keys(count);
    for (int64_t& key : keys)
      key = static_cast<int64_t>(random() % static_cast<uint64_t>(most)) - most / 2;
    return keys;
  }
  static std::vector<int64_t> Sorted(std::vector<int64_t> keys) {
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  TempDirectory directory_;
  int threads_ = 1;
  int64_t most_on_disk_ = 0;
  bool in_memory_ = false;  // the last sort
};

constexpr int64_t kEnough = int64_t{1} << 30;
constexpr int64_t kLittle = int64_t{1} << 20;  // some 2,000 rows

TEST_F(RowSortTest, InMemory) {
  const auto keys = Random(5000, 1'000'000);
  EXPECT_EQ(Sort(keys, kEnough, 0), Sorted(keys));
  EXPECT_TRUE(in_memory_);
  EXPECT_EQ(most_on_disk_, 0);
  EXPECT_EQ(Sort({}, kEnough, 0), std::vector<int64_t>());
}

TEST_F(RowSortTest, InMemoryByAnyNumberOfThreads) {
  for (const size_t rows : {size_t{1}, size_t{2}, size_t{4999}}) {
    const auto keys = Random(rows, 100);
    for (threads_ = 0; threads_ <= 5; ++threads_) {
      EXPECT_EQ(Sort(keys, kEnough, 0), Sorted(keys)) << threads_ << " threads";
    }
  }
}

TEST_F(RowSortTest, EqualRowsOfOneThreadsPartAndAnothersComeOutAsTheyCame) {
  threads_ = 3;
  size_t given = 0;
  const RowSource source = [&]() -> Result<Batch> {
    if (given == 7000) return Batch();
    arrow::Int64Builder key;
    arrow::StringBuilder text;
    for (size_t row = 0; row < 700; ++row, ++given) {
      EXPECT_TRUE(key.Append(static_cast<int64_t>(given % 3)).ok());
      EXPECT_TRUE(text.Append(std::to_string(given)).ok());
    }
    return arrow::RecordBatch::Make(kSchema, 700,
                                    {key.Finish().ValueOrDie(), text.Finish().ValueOrDie()});
  };
  const OrderMaker order = [](const Rows*) -> Result<SampledOrder> {
    return SampledOrder{std::make_shared<ColumnOrder>(std::vector<iceberg::Field>{
                            {1, "key", iceberg::LongType(), false, ""}}),
                        {}};
  };
  RowSortOptions options;
  options.memory_bytes = kEnough;
  options.threads = threads_;
  std::vector<std::pair<int64_t, int64_t>> sorted;
  ASSERT_TRUE(SortRows(source, order, options, [&](Batch batch) -> Status {
    const auto& key = static_cast<const arrow::Int64Array&>(*batch->column(0));
    const auto& text = static_cast<const arrow::StringArray&>(*batch->column(1));
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      sorted.emplace_back(key.Value(row), std::stoll(text.GetString(row)));
    }
    return {};
  }));
  EXPECT_EQ(sorted.size(), 7000U);
  EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.end()));
}

TEST_F(RowSortTest, OnDiskByRangesOfTheSample) {
  const auto keys = Random(40'000, 1'000'000'000);
  EXPECT_EQ(Sort(keys, kLittle, 2000), Sorted(keys));
  EXPECT_FALSE(in_memory_);
  EXPECT_GT(most_on_disk_, 10);
}

TEST_F(RowSortTest, ASampleThatMisleadsCostsAnotherDivision) {
  // The sample knows the first tenth only: one range has nearly all rows, and is divided again.
  auto keys = Random(40'000, 1'000'000);
  for (size_t i = 0; i < keys.size() / 10; ++i) keys[i] = -1'000'000 - static_cast<int64_t>(i % 50);
  std::vector<int64_t> in_order = keys;
  EXPECT_EQ(Sort(keys, kLittle, 9), Sorted(in_order));
}

TEST_F(RowSortTest, RowsThatAreAllAlikeComeOutAsTheyCame) {
  const std::vector<int64_t> keys(20'000, 7);
  EXPECT_EQ(Sort(keys, kLittle, 100), keys);
}

TEST_F(RowSortTest, ManyRepetitions) {
  const auto keys = Random(40'000, 5);
  EXPECT_EQ(Sort(keys, kLittle, 1000), Sorted(keys));
}

}  // namespace
}  // namespace octolake::maintain
