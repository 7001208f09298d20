// A filter as users write it.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "iceberg/scan.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

inline constexpr size_t kMaxFilterTextBytes = 64 << 10;

// Conditions joined by AND, for example
//
//   created_at >= '2015-01-01' AND event_type IN ('PushEvent', 'ForkEvent') AND org_id IS NOT NULL
//
// A condition is a column and one of: =, <, <=, > or >= with a value; BETWEEN value AND value;
// IN (value, ...); IS NULL; IS NOT NULL. A column is a word, or anything in double quotes. A value
// is a number, true, false, or text in single quotes, as which dates, times, UUIDs and bytes are
// written too (literal_parse.h). A quote within quotes is doubled. Key words may be in any case.
//
// kInvalidArgument says at which character: a column that the schema does not have, a value that is
// not of the column's type, anything else, such as OR.
Result<Filter> ParseFilter(std::string_view text, const Schema& schema);

}  // namespace octolake::iceberg
