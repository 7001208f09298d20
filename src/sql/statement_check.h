// What the sandbox lets through. Internal to sql/.
#pragma once

#include <duckdb.h>

#include <string>

#include "base/result.h"

namespace octolake::sql {

struct ReadOnlyStatement {
  std::string explain;  // "", "EXPLAIN " or "EXPLAIN ANALYZE "
  std::string select;
};

// One statement that only reads, in the form in which it may be executed: a SELECT (as DuckDB
// counts WITH, VALUES, FROM, DESCRIBE, SHOW and SUMMARIZE, too), or EXPLAIN [ANALYZE] of one, taken
// apart. It calls none but known table functions, since there are some that write files.
// kUnsupported for anything else, kInvalidArgument if it does not parse.
Result<ReadOnlyStatement> CheckReadOnly(duckdb_connection connection, const std::string& sql);

}  // namespace octolake::sql
