// Sorts any number of rows with bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "maintain/sort_key.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::maintain {

struct RowSortOptions {
  // Of rows held at once, with their keys; a quarter of it for rows that come back from files. A
  // batch of the source is on top.
  int64_t memory_bytes = int64_t{192} << 20;
  // Where rows go that do not fit; compressed, some quarter of their memory.
  std::string temp_directory;
  // How many rows the source has, about.
  int64_t expected_rows = 0;
  int threads = 1;  // that make keys and order them, with the caller's; fewer will do
};

using RowSource = std::function<Result<std::shared_ptr<arrow::RecordBatch>>()>;  // null at the end
using RowSink = std::function<Status(std::shared_ptr<arrow::RecordBatch>)>;

struct SampledOrder {
  std::shared_ptr<const KeyMaker> keys;
  std::vector<std::string> sample;  // keys of some of the rows, in any order
};
using Rows = std::vector<std::shared_ptr<arrow::RecordBatch>>;
// Called once, with all rows if they fit into memory (no sample is needed then), else with null.
using OrderMaker = std::function<Result<SampledOrder>(const Rows* all)>;

// Hands the source's rows to the sink in the order of their keys; equal ones as they came. What
// does not fit into memory is divided among files by ranges of keys, told from the sample, and
// sorted file by file. Files of rows that the sample cannot tell apart are not sorted if they do
// not fit. The sink's batches have about a MiB.
Status SortRows(const RowSource& source, const OrderMaker& make_order,
                const RowSortOptions& options, const RowSink& sink);

}  // namespace octolake::maintain
