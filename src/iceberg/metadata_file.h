// Table metadata files: their names, and reading one whatever engine wrote it.
#pragma once

#include <string>

#include "base/random.h"
#include "base/result.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// Where a table's metadata, its manifests too, belongs: <location>/metadata, or what the property
// write.metadata.path says. Without a slash at its end.
std::string MetadataDirectory(const TableMetadata& metadata);

// Where the successor of the file at `base_location` (empty: the first one) belongs:
// %05d-<uuid>.metadata.json in its metadata directory.
std::string NextMetadataLocation(const TableMetadata& metadata, const std::string& base_location,
                                 RandomSource& random);

// The number at the front of a file's name; -1 if there is none.
int64_t MetadataVersion(const std::string& location);

// Whether write.metadata.delete-after-commit.enabled is true: files that fall off the log are of no
// more use to anybody.
bool DeletesOldMetadata(const TableMetadata& metadata);

// Writes a new file, durably, with a seal (seal.h).
Status WriteMetadataFile(io::FileSystem& fs, const std::string& location,
                         const TableMetadata& metadata);

// Also takes a gzipped file (write.metadata.compression-codec of other engines). kNotFound if it is
// not there, kCorruption if it is not what was written; errors name the location.
Result<TableMetadata> ReadMetadataFile(io::FileSystem& fs, const std::string& location);

// Puts the file that `base` was read from into the log, and takes out what is beyond
// write.metadata.previous-versions-max. Returns the files taken out. kInvalidArgument if the
// property is no number.
Result<std::vector<std::string>> ExtendMetadataLog(TableMetadata& metadata,
                                                   const MetadataLogEntry& base);

}  // namespace octolake::iceberg
