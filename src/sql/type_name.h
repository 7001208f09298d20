// DuckDB's names of its types. Internal to sql/.
#pragma once

#include <duckdb.h>

#include <string>

namespace octolake::sql {

// As DESCRIBE spells it, for example "DECIMAL(9,2)" or "VARCHAR[]"; the alias of a type that has
// one, such as JSON.
std::string TypeName(duckdb_logical_type type);

}  // namespace octolake::sql
