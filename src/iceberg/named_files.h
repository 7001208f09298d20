// Which files a table's metadata names.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// One spelling of all that a location can be written as; an error where that is not known.
using CanonicalLocation = std::function<Result<std::string>(const std::string&)>;

// Those of the candidates (locations, in their canonical spelling) that the table names: as its
// metadata file, an older one in its log, a statistics file, or a manifest list, manifest, data or
// delete file of any of its snapshots. A file that a manifest names as deleted is none of them:
// once no snapshot has it, nobody can read it again. Reads every manifest of every snapshot, once,
// until all candidates are found; holds one at a time. An error if one cannot be read, or has no
// canonical spelling: nothing is known then. Statistics files are told by their names alone.
Result<std::set<std::string>> NamedFiles(io::FileSystem& fs, const Table& table,
                                         std::set<std::string> candidates,
                                         const CanonicalLocation& canonical);

// The same where locations are spelled in one way only.
Result<std::set<std::string>> NamedFiles(io::FileSystem& fs, const Table& table,
                                         std::set<std::string> candidates);

}  // namespace octolake::iceberg
