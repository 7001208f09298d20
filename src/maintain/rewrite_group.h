// Writes the rows of some data files into new ones. Internal to maintain/.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "datafile/table_writer.h"
#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"
#include "maintain/compaction_plan.h"

namespace octolake::maintain {

enum class CompactionStrategy {
  kBinPack,  // rows keep the order in which they came
  kSort,     // by columns
  kZOrder,   // along a Z-order curve through columns
};

struct RewriteRequest {
  const CompactionGroup& group;
  bool one_file = false;  // that is what kBinPack is to make of the group
  CompactionStrategy strategy = CompactionStrategy::kBinPack;
  std::vector<iceberg::Field> columns;  // to sort by
  int64_t sort_memory_bytes = 0;
  std::string temp_directory;
  int threads = 1;  // that read; 0: no others than the caller's, also for writing
  datafile::WriterOptions writer;
  std::stop_token stop;
  // Called often with the rows read since the last call.
  std::function<void(int64_t)> on_rows;
};

// The new files, durable, with exactly the rows of the group's files but for deleted ones (none, if
// all are); nullopt after a stop. Nothing is left of them then, or on an error.
Result<std::optional<std::vector<iceberg::DataFile>>> RewriteGroup(
    io::FileSystem& fs, RandomSource& random, const iceberg::TableMetadata& metadata,
    const RewriteRequest& request);

}  // namespace octolake::maintain
