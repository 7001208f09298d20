// The table bronze.loaded_files: which contents were loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "iceberg/catalog.h"
#include "io/file_system.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::lake {

struct LoadedFile {
  std::string name;
  int64_t size = 0;
  std::string sha256;
  int64_t events = 0;
  int64_t rejected = 0;
  TimestampMicros loaded_at = 0;
  std::optional<std::string> error;  // if it could be loaded in part only
};

// By SHA-256: what was wrong with the content, if something was.
using LoadedDigests = std::unordered_map<std::string, std::optional<std::string>>;

// Of the table's current snapshot.
Result<LoadedDigests> ReadLoadedDigests(io::FileSystem& fs, const iceberg::Table& table);

// Rows with the table's columns.
Result<std::shared_ptr<arrow::RecordBatch>> MakeLoadedFilesBatch(
    const std::vector<LoadedFile>& files);

}  // namespace octolake::lake
