// What the sandbox lets through. Internal to sql/.
#pragma once

#include <duckdb.h>

#include <string>

#include "base/result.h"

namespace octolake::sql {

// One statement that only reads, in the form in which it may be executed: a SELECT (as DuckDB
// counts WITH, VALUES, FROM, DESCRIBE, SHOW and SUMMARIZE, too), or EXPLAIN [ANALYZE] of one, put
// together anew. It calls none but known table functions, since there are some that write files.
// kUnsupported for anything else, kInvalidArgument if it does not parse.
Result<std::string> CheckReadOnly(duckdb_connection connection, const std::string& sql);

}  // namespace octolake::sql
