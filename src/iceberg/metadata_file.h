// Table metadata files: their names, and reading one whatever engine wrote it.
#pragma once

#include <string>

#include "base/random.h"
#include "base/result.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// Where the successor of the file at `base_location` (empty: the first one) belongs:
// <location>/metadata/%05d-<uuid>.metadata.json, or below the property write.metadata.path.
std::string NextMetadataLocation(const TableMetadata& metadata, const std::string& base_location,
                                 RandomSource& random);

// Also takes a gzipped file (write.metadata.compression-codec of other engines). kNotFound if it is
// not there; errors name the location.
Result<TableMetadata> ReadMetadataFile(io::FileSystem& fs, const std::string& location);

// Puts the file that `base` was read from into the log, and takes out what is beyond
// write.metadata.previous-versions-max. Returns the files taken out. kInvalidArgument if the
// property is no number.
Result<std::vector<std::string>> ExtendMetadataLog(TableMetadata& metadata,
                                                   const MetadataLogEntry& base);

}  // namespace octolake::iceberg
