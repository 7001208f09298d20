// Rows' places in an order, as byte strings that compare as the rows do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/type.h"

namespace arrow {
class Array;
class RecordBatch;
}  // namespace arrow

namespace octolake::maintain {

// Byte strings one behind the other in one piece of memory: a piece each would cost more than what
// they hold.
class Keys {
 public:
  size_t size() const { return ends_.size(); }
  std::string_view operator[](size_t index) const {
    const size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }
  void Reserve(size_t count) { ends_.reserve(count); }
  // What is appended here belongs to the next key, until that is ended.
  std::string& next() { return bytes_; }
  void EndNext() { ends_.push_back(bytes_.size()); }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

// The first bytes of a key as a number: where it differs, the keys compare as it does.
uint64_t HeadOf(std::string_view key);

// Ascending.
void SortKeys(std::vector<std::string>& keys);

// How many bytes at the beginning two keys have in common.
size_t CommonBytes(std::string_view a, std::string_view b);

// Adds a row's value to its key; the array has the Arrow type of a column of this Iceberg type.
// NULL comes first, NaN last; texts compare by bytes. What follows in a key never changes how
// values that differ compare.
void AppendToKey(const iceberg::Type& type, const arrow::Array& array, int64_t row,
                 std::string& key);

// Keys of all rows of an array, from nothing but their values.
Keys KeysOf(const iceberg::Type& type, const arrow::Array& array);

// Gives the rows of a batch their keys.
class KeyMaker {  // used by several threads at once
 public:
  virtual ~KeyMaker() = default;
  virtual Keys KeysOf(const arrow::RecordBatch& batch) const = 0;
};

// Ascending by the columns, the first of them first. The batch has at least these columns.
class ColumnOrder final : public KeyMaker {
 public:
  explicit ColumnOrder(std::vector<iceberg::Field> columns) : columns_(std::move(columns)) {}
  Keys KeysOf(const arrow::RecordBatch& batch) const override;

 private:
  const std::vector<iceberg::Field> columns_;
};

}  // namespace octolake::maintain
