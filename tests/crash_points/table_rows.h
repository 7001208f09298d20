// Rows of a table as texts, read without an SQL engine.
#pragma once

#include <string>
#include <vector>

#include "iceberg/catalog.h"
#include "io/file_system.h"

namespace octolake::crash {

// The columns' values, "NULL" for NULL, of the current snapshot, in the order of files and rows.
std::vector<std::vector<std::string>> ReadRows(io::FileSystem& fs, const iceberg::Table& table,
                                               const std::vector<std::string>& columns);

// Every row as one text, sorted, without the columns that each run makes anew: the times at which
// something was done, and trace ids.
std::vector<std::string> ReadComparable(io::FileSystem& fs, const iceberg::Table& table);

}  // namespace octolake::crash
