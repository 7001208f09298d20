// Names of tables as users give them.
#pragma once

#include <string>

#include "base/result.h"
#include "iceberg/catalog.h"

namespace octolake::cli {

// "gold.gold_user_activity"; kInvalidArgument says what was expected.
Result<iceberg::TableIdentifier> ParseTableName(const std::string& text);

}  // namespace octolake::cli
