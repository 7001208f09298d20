#include "datafile/dictionary_choice.h"

#include <arrow/array.h>
#include <arrow/type_traits.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_set>

namespace octolake::datafile {
namespace {

constexpr int64_t kSampleRows = 1024;
constexpr int64_t kTellingRows = 128;
// Distinct bytes of every hundred, above which hashing all values buys too little.
constexpr int64_t kMostDistinctPercent = 70;

template <typename Value, typename ValueAt, typename SizeOf>
bool Repeats(const arrow::Array& array, const ValueAt& value_at, const SizeOf& size_of) {
  std::unordered_set<Value> distinct;
  int64_t bytes = 0;
  int64_t distinct_bytes = 0;
  int64_t values = 0;
  for (int64_t row = 0; row < std::min(array.length(), kSampleRows); ++row) {
    if (array.IsNull(row)) continue;
    const Value value = value_at(row);
    const int64_t size = size_of(value);
    bytes += size;
    if (distinct.insert(value).second) distinct_bytes += size;
    ++values;
  }
  return values < kTellingRows || distinct_bytes * 100 <= bytes * kMostDistinctPercent;
}

}  // namespace

bool DictionaryPays(const arrow::Array& sample) {
  const auto id = sample.type_id();
  if (arrow::is_base_binary_like(id) && !arrow::is_large_binary_like(id)) {
    const auto& texts = static_cast<const arrow::BinaryArray&>(sample);
    return Repeats<std::string_view>(
        sample, [&](int64_t row) { return texts.GetView(row); },
        // A value is stored with its length.
        [](std::string_view value) { return static_cast<int64_t>(value.size()) + 4; });
  }
  if (id == arrow::Type::INT64 || id == arrow::Type::TIMESTAMP) {
    const auto* numbers = sample.data()->GetValues<int64_t>(1);
    return Repeats<int64_t>(
        sample, [&](int64_t row) { return numbers[row]; },
        [](int64_t) { return int64_t{sizeof(int64_t)}; });
  }
  return true;
}

}  // namespace octolake::datafile
