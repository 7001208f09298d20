// The summary of a snapshot: what it added and removed, and totals of the table after it
// ("Optional Snapshot Summary Fields" in the specification).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/partition_summary.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// Of all live files of a snapshot.
struct SnapshotTotals {
  int64_t data_files = 0;
  int64_t records = 0;
  int64_t files_size = 0;  // bytes, delete files included
  int64_t delete_files = 0;
  int64_t position_deletes = 0;
  int64_t equality_deletes = 0;
};

// From the snapshot's own summary; where that lacks one, counted from the manifests.
Result<SnapshotTotals> TotalsOf(io::FileSystem& fs, const TableMetadata& metadata,
                                const Snapshot& snapshot,
                                const std::vector<ManifestFile>& manifests);

// The data and delete files that a snapshot adds and removes.
class SnapshotChanges {
 public:
  void AddFile(const DataFile& file);
  void RemoveFile(const DataFile& file);
  bool removes_files() const { return removed_.data_files + removed_.delete_files() > 0; }

  // `properties` with operation, counts and totals put in.
  Properties MakeSummary(Properties properties, const std::string& operation,
                         const SnapshotTotals& before) const;

 private:
  struct Counts {
    int64_t data_files = 0;
    int64_t records = 0;
    int64_t position_delete_files = 0;
    int64_t position_deletes = 0;
    int64_t equality_delete_files = 0;
    int64_t equality_deletes = 0;
    int64_t files_size = 0;

    int64_t delete_files() const { return position_delete_files + equality_delete_files; }
  };
  void Count(const DataFile& file, Counts& counts);

  Counts added_;
  Counts removed_;
  std::set<SpecPartition> partitions_;
};

}  // namespace octolake::iceberg
