// Which files a table's metadata names.
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// Those of the candidates (locations, as they are spelled in metadata) that the table names: as its
// metadata file, an older one in its log, a statistics file, or a manifest list, manifest, data or
// delete file of any of its snapshots. Reads every manifest of every snapshot, once, until all
// candidates are found; holds one at a time. An error if one cannot be read: nothing is known then.
Result<std::set<std::string>> NamedFiles(io::FileSystem& fs, const Table& table,
                                         std::set<std::string> candidates);

}  // namespace octolake::iceberg
