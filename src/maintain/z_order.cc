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
  std::sort(sample.begin(), sample.end());
  count_ = std::min(kQuantiles, sample.size());
  for (size_t i = 0; i < count_; ++i) {
    std::string& key = sample[i * sample.size() / count_];
    if (quantiles_.empty() || quantiles_.back().key != key) quantiles_.push_back({key, i});
  }
}

uint32_t Ranks::Of(const std::string& key) const {
  if (quantiles_.empty()) return 0;
  const auto found = std::lower_bound(
      quantiles_.begin(), quantiles_.end(), key,
      [](const Quantile& quantile, const std::string& wanted) { return quantile.key < wanted; });
  const uint64_t before = found == quantiles_.end() ? count_ : found->before;
  const uint64_t rank = (before << kRankBits) / count_;
  return static_cast<uint32_t>(std::min<uint64_t>(rank, UINT32_MAX));
}

std::string Interleave(const std::vector<uint32_t>& ranks) {
  std::string bytes(ranks.size() * sizeof(uint32_t), '\0');
  size_t place = 0;
  for (int bit = kRankBits - 1; bit >= 0; --bit) {
    for (const uint32_t rank : ranks) {
      if ((rank >> bit & 1) != 0) {
        bytes[place / 8] = static_cast<char>(bytes[place / 8] | 0x80 >> place % 8);
      }
      ++place;
    }
  }
  return bytes;
}

ZOrder::ZOrder(std::vector<iceberg::Field> columns, std::vector<std::vector<std::string>> samples)
    : columns_(std::move(columns)) {
  for (std::vector<std::string>& sample : samples) ranks_.emplace_back(std::move(sample));
}

std::string ZOrder::KeyOf(const std::vector<std::string>& values) const {
  std::vector<uint32_t> ranks;
  for (size_t column = 0; column < values.size(); ++column) {
    ranks.push_back(ranks_[column].Of(values[column]));
  }
  std::string key = Interleave(ranks);
  for (const std::string& value : values) key += value;
  return key;
}

std::vector<std::string> ZOrder::KeysOf(const arrow::RecordBatch& batch) const {
  const auto rows = static_cast<size_t>(batch.num_rows());
  std::vector<std::vector<std::string>> by_column;
  for (const iceberg::Field& column : columns_) {
    AppendToKeys(*column.type, *batch.GetColumnByName(column.name), by_column.emplace_back(rows));
  }
  std::vector<std::string> keys;
  keys.reserve(rows);
  std::vector<std::string> values(columns_.size());
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns_.size(); ++column) {
      values[column] = std::move(by_column[column][row]);
    }
    keys.push_back(KeyOf(values));
  }
  return keys;
}

}  // namespace octolake::maintain
