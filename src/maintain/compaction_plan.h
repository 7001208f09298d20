// Which files of a table are worth rewriting. Pure: reads what a scan has planned.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "iceberg/partition.h"
#include "iceberg/scan.h"
#include "iceberg/table_metadata.h"

namespace octolake::maintain {

struct FileSizes {
  int64_t target = int64_t{128} << 20;  // bytes a file should have
  // Smaller or larger files are rewritten; 0: three quarters and nine fifths of the target.
  int64_t at_least = 0;
  int64_t at_most = 0;
};

// Smaller files count as small.
int64_t SmallBelow(const FileSizes& sizes);

struct CompactionGroup;

struct CompactionScope {
  FileSizes sizes;
  // A partition's files are rewritten if there are so many, or together they fill one; a file that
  // is too large, or from which rows are deleted, at once.
  int64_t min_input_files = 5;
  bool all_files = false;  // whatever their size or number
  // A small file that is larger than all smaller ones of its partition together waits for more of
  // them: rewriting it each time would cost more than it gains. For runs that come often.
  bool by_tiers = false;
  // Only partitions of days (by a date, or the day or hour of a time) that are not older; other
  // partitions are not held back.
  std::optional<int64_t> days_back;
  // Asked last of a partition that is worth it by all of these; not set: it is.
  std::function<bool(const CompactionGroup&)> pays = {};
  // What is rewritten together at most; a larger partition takes several groups.
  int64_t max_group_bytes = int64_t{1} << 30;
  // A group becomes one file of about the target's size: neighbours are brought together evenly,
  // so that none is left over, and groups of one partition are rewritten at the same time.
  bool file_by_file = false;
};

// What a file may become that was planned to be one: more is divided.
constexpr int64_t MostOfAFile(const FileSizes& sizes) { return sizes.target * 9 / 5; }

// Files of one partition that are rewritten together, ordered by sequence number.
struct CompactionGroup {
  int32_t spec_id = 0;
  iceberg::PartitionValues partition;
  std::vector<iceberg::ScanTask> files;
  int64_t bytes = 0;
  int64_t rows = 0;  // deleted ones included
};

// `files` are those of one snapshot, ordered by sequence number; `today` is counted from
// 1970-01-01. Groups are ordered by spec and partition. Files of an old partition spec are groups
// of their own, which are rewritten whatever their size if `all_files` is set.
// What is rewritten as it was planned leaves at most one file a partition that is too small, or
// one a group if they are not made file by file. How much smaller files become is not foreseen: a
// later run brings together what became too small.
Result<std::vector<CompactionGroup>> PlanCompaction(const iceberg::TableMetadata& metadata,
                                                    std::vector<iceberg::ScanTask> files,
                                                    const CompactionScope& scope, int64_t today);

}  // namespace octolake::maintain
