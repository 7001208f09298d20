// The tables that C++ defines (definitions.h) as JSON, for those who create them through another
// engine's catalog.
#pragma once

#include <string>

namespace octolake::lake {

// An array with an object a table: "role" (bronze or silver: whose namespace it is in), "name",
// "schema" and "partition-fields" as the specification has them in table metadata (appendix C; ids
// count up from 1 in the order of the columns, so that a catalog that gives fresh ids gives the
// same), "properties". Tables are of format version 2, unsorted.
std::string TableDefinitionsJson();

}  // namespace octolake::lake
