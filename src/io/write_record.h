// Writes down the name of every file before it is created, so that a later process can find what a
// killed one left behind. One record a process and warehouse: files <directory>/<uuid>.writes that
// their owner holds (owned_file.h). docs/formats/warehouse.md describes its lines.
//
// Names are appended, not synced: a power cut may lose the last ones. What is lost with them is
// only that a file can be found this way; it stays an orphan for the removal of orphans to find.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "io/file_system.h"
#include "io/owned_file.h"

namespace octolake::io {

inline constexpr std::string_view kWriteRecordSuffix = ".writes";

// So that the record of a process that stays does not grow for ever.
struct WriteRecordLimits {
  // Another file is begun when one has so much.
  int64_t file_bytes = int64_t{16} << 20;
  // A file that was full so long ago is removed: no write takes as long, and what its names still
  // stand for is left to the removal of orphans.
  std::chrono::steady_clock::duration kept_for = std::chrono::hours(24);
};

// Thread-safe. A file is made when there is something to write down.
class WriteRecord {
 public:
  // `owner` says to whom the files belong, in one line; whoever cleans up compares it. The random
  // source must outlive the record.
  WriteRecord(std::string directory, std::string owner, RandomSource& random,
              WriteRecordLimits limits = {})
      : directory_(std::move(directory)),
        owner_(std::move(owner)),
        random_(random),
        limits_(limits) {}
  // Removes its files: what the process created is named by a commit or removed again. After Keep
  // they are left to whoever comes next.
  ~WriteRecord();
  WriteRecord(const WriteRecord&) = delete;
  WriteRecord& operator=(const WriteRecord&) = delete;

  Status Note(const std::string& location);
  // It is not known whether all that was created is named or removed.
  void Keep();

 private:
  struct Full {
    OwnedFile file;
    std::chrono::steady_clock::time_point since;
  };

  Status Begin();
  // Puts the file aside if it is full, and removes those that have been for long.
  Status Turn();

  const std::string directory_;
  const std::string owner_;
  RandomSource& random_;
  const WriteRecordLimits limits_;
  std::mutex mutex_;
  std::optional<OwnedFile> file_;
  int64_t file_bytes_ = 0;
  std::deque<Full> full_;  // the oldest first
  bool keep_ = false;
};

// A file system that notes what it creates. Keeps the record when a file that should be gone may
// still be there: its removal failed, or it was given up and did not go.
std::unique_ptr<FileSystem> MakeRecordedFileSystem(std::unique_ptr<FileSystem> inner,
                                                   std::shared_ptr<WriteRecord> record);

// What a record says. A last line without its end is left out: its file was not created.
struct WriteRecordContent {
  std::string owner;
  std::vector<std::string> locations;
};
// An empty record, of a process killed at once, has no owner and no locations. kCorruption for
// anything that no record can be.
Result<WriteRecordContent> ReadWriteRecord(const OwnedFile& file);

// Takes over all records in a directory whose owners are dead. None if there is no such directory.
Result<std::vector<OwnedFile>> TakeOverWriteRecords(const std::string& directory);

// Calls `take` for each location in the records of a directory whose owners live. A record that its
// owner removes meanwhile is left out: what it lists is named or removed by then. Those of the dead
// are left out, too: the dead name nothing any more.
Status ForEachRecordedLocation(const std::string& directory,
                               const std::function<void(const std::string& location)>& take);

}  // namespace octolake::io
