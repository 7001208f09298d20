// Places on a Z-order curve: rows that are close in every one of several columns are close on it,
// so that files of neighbouring rows have narrow bounds in all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "iceberg/type.h"
#include "maintain/sort_key.h"

namespace octolake::maintain {

// Which part of all rows come before a value, told from a sample: 0 for the first of them. What
// many rows share takes as much of the range as they are, so that the curve divides rows evenly,
// whatever the values are.
class Ranks {
 public:
  Ranks() = default;
  // Keys (sort_key.h) of the sampled values of one column, in any order. Keeps some thousands.
  explicit Ranks(std::vector<std::string> sample);
  // From 0 to 2^32 - 1.
  uint32_t Of(std::string_view key) const;

 private:
  struct Quantile {
    std::string key;
    uint64_t before = 0;  // how many quantiles have a lesser key
  };
  // Of the first quantile whose key is not less; how many there are, if none is.
  size_t FirstNotLess(std::string_view key) const;

  std::vector<Quantile> quantiles_;  // by key, of which each has one
  std::string prefix_;               // that all their keys have in common
  std::vector<uint64_t> heads_;      // of what follows it, by quantile: one memory to search in
  uint64_t count_ = 0;               // of all quantiles, repeated ones too
};

// Adds a bit of each in turn to a key, the highest first: four bytes a rank, which compare as the
// curve goes.
void AppendInterleaved(std::span<const uint32_t> ranks, std::string& key);

// By the curve through the columns' ranks, then by the columns themselves.
class ZOrder final : public KeyMaker {
 public:
  // `ranks` are of the values of each column.
  ZOrder(std::vector<iceberg::Field> columns, std::vector<Ranks> ranks)
      : columns_(std::move(columns)), ranks_(std::move(ranks)) {}
  Keys KeysOf(const arrow::RecordBatch& batch) const override;
  // Of one row, from the keys of its values in the columns.
  std::string KeyOf(const std::vector<std::string>& values) const;

 private:
  const std::vector<iceberg::Field> columns_;
  const std::vector<Ranks> ranks_;  // by column
};

}  // namespace octolake::maintain
