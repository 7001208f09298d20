// Brings data files of a partition into one by writing their rows one behind the other, where long
// columns need not be decompressed for that.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "datafile/table_writer.h"
#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::datafile {

struct MergeRequest {
  const std::vector<iceberg::DataFile>&
      files;             // at least one; of one partition of the default spec
  WriterOptions writer;  // but for its target: all rows go into one file
  std::stop_token stop;
  std::function<void(int64_t)> on_rows;  // called with the rows read since the last call
};

// Whether merging would save work: some column without bounds takes much of each file, on average,
// so that its pages are worth keeping as they are. Small ones are not: they compress badly, and
// readers handle each of them.
bool MergePays(const iceberg::TableMetadata& metadata, const std::vector<iceberg::DataFile>& files);

// The new file, durable, with all rows in the order of the files; nullopt after a stop. Nothing is
// left of it then, or on an error. Files that are not ours, or older than a change of the schema,
// are decoded and encoded again, as are all columns with bounds. Errors as those of OpenDataFile
// and TableWriter.
Result<std::optional<iceberg::DataFile>> MergeFiles(io::FileSystem& fs, RandomSource& random,
                                                    const iceberg::TableMetadata& metadata,
                                                    const MergeRequest& request);

}  // namespace octolake::datafile
