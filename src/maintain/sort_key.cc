#include "maintain/sort_key.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "datafile/array_value.h"

namespace octolake::maintain {
namespace {

using iceberg::TypeId;

constexpr char kNull = 0;
constexpr char kValue = 1;

template <typename Unsigned>
void AppendBigEndian(Unsigned value, std::string& key) {
  for (int shift = (static_cast<int>(sizeof value) - 1) * 8; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(value >> shift));
  }
}

void AppendSigned(int64_t value, std::string& key) {
  AppendBigEndian(static_cast<uint64_t>(value) ^ (uint64_t{1} << 63), key);
}

// Negative numbers have all bits turned, others the first; -0 and 0 are one value, NaNs one more.
void AppendFloating(double value, std::string& key) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  if (value == 0) value = 0;
  const auto bits = std::bit_cast<uint64_t>(value);
  const bool negative = (bits >> 63) != 0 && !std::isnan(value);
  AppendBigEndian(negative ? ~bits : bits | (uint64_t{1} << 63), key);
}

// Zero bytes are escaped, so that the two at the end come before anything that a longer text has.
void AppendBytes(std::string_view bytes, std::string& key) {
  for (const char byte : bytes) {
    key.push_back(byte);
    if (byte == 0) key.push_back('\xff');
  }
  key.append(2, '\0');
}

void AppendValue(const iceberg::Type& type, const arrow::Array& array, int64_t row,
                 std::string& key) {
  switch (type.id) {
    case TypeId::kInt:
    case TypeId::kDate:
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestamptz:
      return AppendSigned(datafile::NumberAt(array, row), key);
    case TypeId::kFloat:
      return AppendFloating(static_cast<const arrow::FloatArray&>(array).Value(row), key);
    case TypeId::kDouble:
      return AppendFloating(static_cast<const arrow::DoubleArray&>(array).Value(row), key);
    case TypeId::kDecimal: {
      const std::string_view bytes = datafile::BytesAt(array, row);  // little-endian
      const size_t first = key.size();
      key.append(bytes.rbegin(), bytes.rend());
      key[first] = static_cast<char>(key[first] ^ '\x80');
      return;
    }
    case TypeId::kString:
    case TypeId::kBinary:
      return AppendBytes(datafile::BytesAt(array, row), key);
    default:  // of a fixed width
      key.append(datafile::BytesAt(array, row));
  }
}

}  // namespace

void AppendToKey(const iceberg::Type& type, const arrow::Array& array, int64_t row,
                 std::string& key) {
  const bool null = array.IsNull(row);
  key.push_back(null ? kNull : kValue);
  if (!null) AppendValue(type, array, row, key);
}

Keys KeysOf(const iceberg::Type& type, const arrow::Array& array) {
  Keys keys;
  keys.Reserve(static_cast<size_t>(array.length()));
  for (int64_t row = 0; row < array.length(); ++row) {
    AppendToKey(type, array, row, keys.next());
    keys.EndNext();
  }
  return keys;
}

uint64_t HeadOf(std::string_view key) {
  uint64_t head = 0;
  for (size_t i = 0; i < sizeof head; ++i) {
    const auto byte = i < key.size() ? static_cast<unsigned char>(key[i]) : 0;
    head = head << 8 | static_cast<uint64_t>(byte);
  }
  return head;
}

size_t CommonBytes(std::string_view a, std::string_view b) {
  const auto differ = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(differ.first - a.begin());
}

void SortKeys(std::vector<std::string>& keys) {
  if (keys.empty()) return;
  // Keys of one column often begin alike; what follows then tells nearly all apart.
  std::string_view common = keys.front();
  for (const std::string& key : keys) common = common.substr(0, CommonBytes(common, key));
  const size_t skipped = common.size();
  struct Place {
    uint64_t head;
    size_t key;
  };
  std::vector<Place> places;
  places.reserve(keys.size());
  for (const std::string& key : keys) {
    places.push_back({HeadOf(std::string_view(key).substr(skipped)), places.size()});
  }
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
    return a.head != b.head ? a.head < b.head : keys[a.key] < keys[b.key];
  });
  std::vector<std::string> sorted;
  sorted.reserve(keys.size());
  for (const Place& place : places) sorted.push_back(std::move(keys[place.key]));
  keys = std::move(sorted);
}

Keys ColumnOrder::KeysOf(const arrow::RecordBatch& batch) const {
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (const iceberg::Field& column : columns_) {
    arrays.push_back(batch.GetColumnByName(column.name));
  }
  Keys keys;
  keys.Reserve(static_cast<size_t>(batch.num_rows()));
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    for (size_t column = 0; column < columns_.size(); ++column) {
      AppendToKey(*columns_[column].type, *arrays[column], row, keys.next());
    }
    keys.EndNext();
  }
  return keys;
}

}  // namespace octolake::maintain
