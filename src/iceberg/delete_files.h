// Which delete files apply to which data files ("Scan Planning" in the specification).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/partition_summary.h"
#include "iceberg/scan.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// Columns of position delete files.
inline constexpr int32_t kDeleteFilePathId =
    2147483546;                                      // string: a data file, as manifests name it
inline constexpr int32_t kDeletePosId = 2147483545;  // long: a row of it, from 0

struct DeleteFile {
  DataFile file;
  int64_t sequence_number = 0;  // its data sequence number
  bool unpartitioned = false;   // its partition spec has no field
};

// The live ones of a manifest of delete files.
Result<std::vector<DeleteFile>> ReadDeleteFiles(io::FileSystem& fs, const ManifestFile& manifest,
                                                const TableMetadata& metadata);

// The data files that deletes may apply to, by path and partition.
class DeleteTargets {
 public:
  // The tasks must outlive this and keep their files.
  explicit DeleteTargets(std::vector<ScanTask>& tasks);

  // Whether live delete files of the manifest can apply to one of the files, as far as its row in
  // the manifest list tells.
  Result<bool> MayBeConcerned(const ManifestFile& manifest, const TableMetadata& metadata) const;

  // The files in which the delete file can name rows, as far as manifests tell: by sequence
  // numbers, partitions, the one data file it refers to, and its bounds of paths. kCorruption if it
  // refers to a file of another partition, from where it cannot delete (in a manifest of nothing
  // but other partitions this is not seen).
  Result<std::vector<ScanTask*>> ConcernedBy(const DeleteFile& deletes) const;

 private:
  std::unordered_map<std::string_view, ScanTask*> by_path_;
  std::map<SpecPartition, std::vector<ScanTask*>> by_partition_;
  int64_t least_sequence_number_ = 0;
};

// Gives every task the position delete files that apply to it, of all manifests of its snapshot.
// kUnsupported, naming the file, if an equality delete file or a deletion vector applies to one.
Status AttachDeletes(io::FileSystem& fs, const TableMetadata& metadata,
                     const std::vector<ManifestFile>& manifests, std::vector<ScanTask>& tasks);

}  // namespace octolake::iceberg
