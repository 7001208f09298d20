// Single values from the texts that people write.
#pragma once

#include <string_view>

#include "base/result.h"
#include "iceberg/literal.h"

namespace octolake::iceberg {

// The value that LiteralText writes so, and what else base/civil_time.h reads as a date or a time;
// bytes are hexadecimal. kInvalidArgument says what was expected; kUnsupported for a nested type.
Result<Literal> ParseLiteral(const Type& type, std::string_view text);

}  // namespace octolake::iceberg
