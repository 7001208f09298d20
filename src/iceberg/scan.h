// Plans which files a read needs: of one snapshot, or of what was appended between two, pruned by
// partition and by column bounds; and which position delete files apply to each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/literal.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

struct Predicate {
  enum class Op { kEq, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kIn, kIsNull, kNotNull };
  std::string column;  // a top-level column of the current schema
  Op op = Op::kEq;
  std::vector<Literal> values;  // one; for kIn any number; none for the NULL tests
};
// All must hold.
using Filter = std::vector<Predicate>;

struct ScanTask {
  DataFile file;
  int64_t snapshot_id = 0;      // that added the file
  int64_t sequence_number = 0;  // its data sequence number
  // Position delete files that can name rows of it; a row that one of them names is not read. The
  // file's record_count and bounds take no account of them.
  std::vector<DataFile> deletes = {};
};

// Files of a snapshot (the current one by default; none if the table is empty) that can hold rows
// for which the filter is true, ordered by sequence number, then by place in their manifest.
// kUnsupported, naming it, if an equality delete file or a deletion vector applies to one of them.
// kNotFound for an unknown snapshot, kInvalidArgument for an unknown column.
Result<std::vector<ScanTask>> PlanScan(io::FileSystem& fs, const TableMetadata& metadata,
                                       std::optional<int64_t> snapshot_id, const Filter& filter);

// Files with the rows appended after `from` (nullopt: as PlanScan) up to `to` (inclusive), ordered
// by sequence number. Exact whatever expired in between, if the files of `from` are there still,
// with the same deletes, or were rewritten by known `replace` snapshots. Rows appended in between
// and deleted again are left out. kNotFound: a snapshot that it takes is not known; kUnsupported,
// naming it: an overwrite or delete snapshot in between took files of `from` away, or changed the
// delete files that apply to one. What a delete file names is told from its manifest alone, so one
// for several files in a partition is taken to concern those of `from` within its bounds.
Result<std::vector<ScanTask>> PlanAppendsBetween(io::FileSystem& fs, const TableMetadata& metadata,
                                                 std::optional<int64_t> from, int64_t to,
                                                 const Filter& filter);

// Whether a file can hold a row for which the filter is true.
Result<bool> FileMayMatch(const TableMetadata& metadata, const DataFile& file,
                          const Filter& filter);

}  // namespace octolake::iceberg
