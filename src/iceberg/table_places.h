// Which files are a table's own, and whether they may be removed.
#pragma once

#include <map>
#include <string>

#include "iceberg/table_metadata.h"

namespace octolake::iceberg {

// The directories that are a table's own, without slashes at their ends, by a short name: "table"
// (its location), and "data" and "metadata" where write.data.path and write.metadata.path put these
// elsewhere.
std::map<std::string, std::string> TablePlaces(const TableMetadata& metadata);

// Unless gc.enabled is false: then somebody else may use the files as well.
bool MayCollectGarbage(const TableMetadata& metadata);

}  // namespace octolake::iceberg
