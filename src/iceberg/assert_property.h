// Lets a commit pass only while a property of the table is what the commit rests on.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "iceberg/update.h"

namespace octolake::iceberg {

// kCommitConflict unless the property has this value (nullopt: does not exist).
std::unique_ptr<TableUpdate> AssertProperty(std::string name, std::optional<std::string> value);

}  // namespace octolake::iceberg
