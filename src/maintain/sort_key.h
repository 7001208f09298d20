// Rows' places in an order, as byte strings that compare as the rows do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/type.h"

namespace arrow {
class Array;
class RecordBatch;
}  // namespace arrow

namespace octolake::maintain {

// Adds each row's value to its key; `keys` has one key a row of the array, which has the Arrow type
// of a column of this Iceberg type. NULL comes first, NaN last; texts compare by bytes. What
// follows in a key never changes how values that differ compare.
void AppendToKeys(const iceberg::Type& type, const arrow::Array& array,
                  std::vector<std::string>& keys);

// The same of one row.
void AppendToKey(const iceberg::Type& type, const arrow::Array& array, int64_t row,
                 std::string& key);

// Gives the rows of a batch their keys.
class KeyMaker {  // used by several threads at once
 public:
  virtual ~KeyMaker() = default;
  virtual std::vector<std::string> KeysOf(const arrow::RecordBatch& batch) const = 0;
};

// Ascending by the columns, the first of them first. The batch has at least these columns.
class ColumnOrder final : public KeyMaker {
 public:
  explicit ColumnOrder(std::vector<iceberg::Field> columns) : columns_(std::move(columns)) {}
  std::vector<std::string> KeysOf(const arrow::RecordBatch& batch) const override;

 private:
  const std::vector<iceberg::Field> columns_;
};

}  // namespace octolake::maintain
