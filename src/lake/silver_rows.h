// Which rows of Bronze become rows of Silver: deduplication by (id, instant of creation) within
// the rows at hand and against the table.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/scan.h"
#include "io/file_system.h"

namespace octolake::lake {

struct RowChoice {
  // Of all rows of the files, in the order of the files and of the rows in them.
  std::vector<bool> chosen;
  int64_t chosen_count = 0;
  int64_t candidates = 0;  // rows of the sources asked for
};

// Told how many rows were read since the last call.
using RowsRead = std::function<void(int64_t)>;

// Reads the keys of the files of Bronze, and of those files of Silver whose day and id bounds
// overlap with them. Memory grows with the rows of the files (EventKeys). Rows of other sources
// are no candidates; empty: all sources.
Result<RowChoice> ChooseRows(io::FileSystem& fs, const iceberg::Table& bronze,
                             const std::vector<iceberg::ScanTask>& files,
                             const iceberg::Table& silver, const std::vector<std::string>& sources,
                             const RowsRead& rows_read);

// Some of a schema's columns, with their ids. kNotFound, naming it, for one the table lacks.
Result<iceberg::Schema> SelectColumns(const iceberg::Table& table,
                                      const std::vector<std::string>& names);

}  // namespace octolake::lake
