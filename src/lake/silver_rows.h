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
  // Of all rows of the files, in the order of the files and of the rows in them, as they are read:
  // rows that were deleted are not counted, and at the end of each file there are as many bits,
  // never set, as it lost rows.
  std::vector<bool> chosen;
  int64_t chosen_count = 0;
  int64_t candidates = 0;         // rows of the sources asked for
  int64_t most_keys_at_once = 0;  // in memory
};

struct ChooseOptions {
  // Rows of other sources are no candidates; empty: all sources.
  std::vector<std::string> sources;
  // About so many keys are held in memory at once (EventKeys). Where the files have more rows, the
  // keys are taken part by part, and the files' key columns are read once a part.
  int64_t keys_at_once = 1'000'000;
};

// Told how many rows are done since the last call; in all, every row of the files once.
using RowsDone = std::function<void(int64_t)>;

// Reads the keys of the files of Bronze, and of those files of Silver whose day and id bounds
// overlap with them. Beside the keys held at once, memory is a bit a row.
Result<RowChoice> ChooseRows(io::FileSystem& fs, const iceberg::Table& bronze,
                             const std::vector<iceberg::ScanTask>& files,
                             const iceberg::Table& silver, const ChooseOptions& options,
                             const RowsDone& rows_done);

// Some of a schema's columns, with their ids. kNotFound, naming it, for one the table lacks.
Result<iceberg::Schema> SelectColumns(const iceberg::Table& table,
                                      const std::vector<std::string>& names);

}  // namespace octolake::lake
