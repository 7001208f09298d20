// The table bronze.loaded_files: which contents were loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/scan.h"
#include "iceberg/type.h"
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

// What loaded_files says of a content.
struct LoadedContent {
  std::optional<std::string> error;
};

struct LoadedUrl {
  int64_t size = 0;
  std::string sha256;
  TimestampMicros loaded_at = 0;
};

// The contents that a snapshot of loaded_files names, and what was added to them since. Of the
// table's data files only those are opened, once each, whose bounds of sha256 or size can hold a
// value that is looked for: each earlier load left a file, mostly of few rows.
class LoadedContents {
 public:
  // Of the table's current snapshot.
  static Result<LoadedContents> Open(io::FileSystem& fs, const iceberg::Table& table);

  // nullopt if no such content was loaded.
  Result<std::optional<LoadedContent>> Find(const std::string& sha256);
  // False if no content of this size was loaded, so that none of its digest was.
  Result<bool> HasSize(int64_t size);
  // What was loaded from a URL, the last time; nullopt if nothing was. Reads the whole table, once.
  Result<std::optional<LoadedUrl>> FindUrl(const std::string& url);
  void Add(const LoadedFile& file);

 private:
  struct UnreadFile {
    iceberg::ScanTask task;
    std::optional<std::string> lower;  // bounds of sha256
    std::optional<std::string> upper;
    std::optional<int64_t> least_size;
    std::optional<int64_t> greatest_size;
  };
  explicit LoadedContents(io::FileSystem& fs) : fs_(&fs) {}
  template <typename CanHold>
  Status ReadWhere(CanHold can_hold);
  Status Read(const iceberg::ScanTask& task);

  io::FileSystem* fs_;
  iceberg::Schema columns_;
  std::vector<UnreadFile> unread_;
  std::unordered_map<std::string, LoadedContent> known_;  // by SHA-256
  std::unordered_set<int64_t> sizes_;                     // of these
  bool some_size_unknown_ = false;
  std::unordered_map<std::string, LoadedUrl> urls_;
};

// Rows with the table's columns.
Result<std::shared_ptr<arrow::RecordBatch>> MakeLoadedFilesBatch(
    const std::vector<LoadedFile>& files);

}  // namespace octolake::lake
