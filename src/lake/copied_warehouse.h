// A warehouse that was copied together with its catalog. For this room only.
#pragma once

#include <string>

#include "base/result.h"
#include "iceberg/catalog.h"

namespace octolake::lake {

// Metadata names files with their whole paths: a commit by the catalog of a copy would write into
// the original, and remove what that still names. kInvalidArgument if the table lies where another
// catalog's warehouse has it; `directory` is that of the local warehouse whose catalog file it is
// in, `default_location` where it would be made there.
Status RefuseCopy(const std::string& directory, const iceberg::Table& table,
                  const std::string& default_location);

}  // namespace octolake::lake
