// Reads and writes manifests and manifest lists (Avro, with the field ids and headers of the
// specification).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// The schema that gives the types of a spec's partition values: the current one, or the newest that
// still has the spec's columns.
const Schema& SchemaForSpec(const TableMetadata& metadata, const PartitionSpec& spec);

struct ManifestWriteOptions {
  const Schema* schema = nullptr;       // written to the header
  const PartitionSpec* spec = nullptr;  // of every entry
  ManifestContent content = ManifestContent::kData;
  std::string location;  // of the new file
};

// Writes one manifest. Entries with status kAdded may leave their numbers unset, to be inherited;
// the others must carry them. The returned row has the counts, summaries and length filled in;
// sequence_number, min_sequence_number (of entries without their own) and added_snapshot_id are
// set from the two arguments.
Result<ManifestFile> WriteManifest(io::FileSystem& fs, RandomSource& random,
                                   const ManifestWriteOptions& options,
                                   const std::vector<ManifestEntry>& entries, int64_t snapshot_id,
                                   int64_t sequence_number);

// Entries with their numbers inherited and data_file.spec_id set. Foreign manifests may order and
// name fields as they like: they are resolved by field id. kCorruption, naming the file, if it is
// missing, not as long as the manifest list says, or not what was written (seal.h).
Result<std::vector<ManifestEntry>> ReadManifest(io::FileSystem& fs, const ManifestFile& manifest,
                                                const TableMetadata& metadata);

// The locations of its files that are not deleted alone, at a fraction of the time.
Result<std::vector<std::string>> ReadLivePaths(io::FileSystem& fs, const ManifestFile& manifest);

Status WriteManifestList(io::FileSystem& fs, RandomSource& random, const std::string& location,
                         const Snapshot& snapshot, const std::vector<ManifestFile>& manifests);
// Counts that an old writer left out are -1. kCorruption names the file.
Result<std::vector<ManifestFile>> ReadManifestList(io::FileSystem& fs, const std::string& location);
// The locations of its manifests alone, at a fraction of the time.
Result<std::vector<std::string>> ReadManifestPaths(io::FileSystem& fs, const std::string& location);
// That of a snapshot: kCorruption also if it says it is another snapshot's, or if it is empty while
// the snapshot's summary counts data files.
Result<std::vector<ManifestFile>> ReadManifestList(io::FileSystem& fs, const Snapshot& snapshot);

}  // namespace octolake::iceberg
