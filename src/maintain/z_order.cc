#include "maintain/z_order.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

namespace octolake::maintain {
namespace {

// So many can be told apart: a power of two beyond the files that anybody has in a partition.
constexpr size_t kQuantiles = 4096;
constexpr int kRankBits = 32;

}  // namespace

Ranks::Ranks(std::vector<std::string> sample) {
  SortKeys(sample);
  count_ = std::min(kQuantiles, sample.size());
  for (size_t i = 0; i < count_; ++i) {
    std::string& key = sample[i * sample.size() / count_];
    if (quantiles_.empty() || quantiles_.back().key != key) quantiles_.push_back({key, i});
  }
  if (quantiles_.empty()) return;
  const std::string& first = quantiles_.front().key;
  prefix_ = first.substr(0, CommonBytes(first, quantiles_.back().key));
  for (const Quantile& quantile : quantiles_) {
    heads_.push_back(HeadOf(std::string_view(quantile.key).substr(prefix_.size())));
  }
}

size_t Ranks::FirstNotLess(std::string_view key) const {
  const int beginning = key.substr(0, prefix_.size()).compare(prefix_);
  if (beginning != 0) return beginning < 0 ? 0 : quantiles_.size();
  const auto [begin, end] =
      std::equal_range(heads_.begin(), heads_.end(), HeadOf(key.substr(prefix_.size())));
  const auto found = std::lower_bound(
      quantiles_.begin() + (begin - heads_.begin()), quantiles_.begin() + (end - heads_.begin()),
      key, [](const Quantile& quantile, std::string_view wanted) { return quantile.key < wanted; });
  return static_cast<size_t>(found - quantiles_.begin());
}

uint32_t Ranks::Of(std::string_view key) const {
  if (quantiles_.empty()) return 0;
  const size_t found = FirstNotLess(key);
  const uint64_t before = found == quantiles_.size() ? count_ : quantiles_[found].before;
  const uint64_t rank = (before << kRankBits) / count_;
  return static_cast<uint32_t>(std::min<uint64_t>(rank, UINT32_MAX));
}

void AppendInterleaved(std::span<const uint32_t> ranks, std::string& key) {
  uint32_t bits = 0;
  size_t filled = 0;
  for (int bit = kRankBits - 1; bit >= 0; --bit) {
    for (const uint32_t rank : ranks) {
      bits = bits << 1 | (rank >> bit & 1);
      if (++filled % 8 == 0) key.push_back(static_cast<char>(bits));
    }
  }
}

std::string ZOrder::KeyOf(const std::vector<std::string>& values) const {
  std::vector<uint32_t> ranks;
  for (size_t column = 0; column < values.size(); ++column) {
    ranks.push_back(ranks_[column].Of(values[column]));
  }
  std::string key;
  AppendInterleaved(ranks, key);
  for (const std::string& value : values) key += value;
  return key;
}

Keys ZOrder::KeysOf(const arrow::RecordBatch& batch) const {
  std::vector<Keys> values;  // by column
  for (const iceberg::Field& column : columns_) {
    values.push_back(maintain::KeysOf(*column.type, *batch.GetColumnByName(column.name)));
  }
  const auto rows = static_cast<size_t>(batch.num_rows());
  Keys keys;
  keys.Reserve(rows);
  std::vector<uint32_t> ranks(columns_.size());
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < values.size(); ++column) {
      ranks[column] = ranks_[column].Of(values[column][row]);
    }
    AppendInterleaved(ranks, keys.next());
    for (const Keys& of_column : values) keys.next() += of_column[row];
    keys.EndNext();
  }
  return keys;
}

}  // namespace octolake::maintain
