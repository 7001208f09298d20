// What a table knows of its files: data files, manifests and manifest lists as values
// ("Manifests", "Manifest Lists" in the specification). manifest_io.h reads and writes them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "iceberg/partition.h"

namespace octolake::iceberg {

enum class FileContent : int32_t { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };

// Struct data_file; the numbers are the specification's field ids.
struct DataFile {
  FileContent content = FileContent::kData;         // 134
  std::string file_path;                            // 100, a location
  std::string file_format = "PARQUET";              // 101
  PartitionValues partition;                        // 102
  int64_t record_count = 0;                         // 103
  int64_t file_size_in_bytes = 0;                   // 104
  std::map<int32_t, int64_t> column_sizes;          // 108, by field id, bytes
  std::map<int32_t, int64_t> value_counts;          // 109, NULL and NaN included
  std::map<int32_t, int64_t> null_value_counts;     // 110
  std::map<int32_t, int64_t> nan_value_counts;      // 137
  std::map<int32_t, std::string> lower_bounds;      // 125, EncodeLiteral form
  std::map<int32_t, std::string> upper_bounds;      // 128
  std::optional<std::string> key_metadata;          // 131
  std::vector<int64_t> split_offsets;               // 132, ascending
  std::vector<int32_t> equality_ids;                // 135
  std::optional<int32_t> sort_order_id;             // 140
  std::optional<std::string> referenced_data_file;  // 143

  int32_t spec_id = 0;  // of the manifest that names it; not stored in the file entry
};

// Writers differ in how they spell it.
inline bool IsParquet(const DataFile& file) {
  return file.file_format == "PARQUET" || file.file_format == "parquet";
}

enum class EntryStatus : int32_t { kExisting = 0, kAdded = 1, kDeleted = 2 };

struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  // Unset until inherited from the manifest list ("Sequence Number Inheritance"); always set on
  // entries that ReadManifest returned.
  std::optional<int64_t> snapshot_id;
  std::optional<int64_t> sequence_number;
  std::optional<int64_t> file_sequence_number;
  DataFile data_file;
};

enum class ManifestContent : int32_t { kData = 0, kDeletes = 1 };

struct PartitionFieldSummary {
  bool contains_null = false;              // 509
  std::optional<bool> contains_nan;        // 518
  std::optional<std::string> lower_bound;  // 510
  std::optional<std::string> upper_bound;  // 511
};

// One row of a manifest list.
struct ManifestFile {
  std::string manifest_path;                         // 500
  int64_t manifest_length = 0;                       // 501
  int32_t partition_spec_id = 0;                     // 502
  ManifestContent content = ManifestContent::kData;  // 517
  int64_t sequence_number = 0;                       // 515
  int64_t min_sequence_number = 0;                   // 516
  int64_t added_snapshot_id = 0;                     // 503
  int32_t added_files_count = 0;                     // 504
  int32_t existing_files_count = 0;                  // 505
  int32_t deleted_files_count = 0;                   // 506
  int64_t added_rows_count = 0;                      // 512
  int64_t existing_rows_count = 0;                   // 513
  int64_t deleted_rows_count = 0;                    // 514
  std::vector<PartitionFieldSummary> partitions;     // 507
  std::optional<std::string> key_metadata;           // 519
};

}  // namespace octolake::iceberg
