// The files of one commit of `load`: read, written and committed together.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "iceberg/catalog.h"
#include "lake/background_writer.h"
#include "lake/file_reading.h"
#include "lake/load.h"
#include "lake/loaded_files.h"

namespace octolake::lake {

struct GroupReport {
  std::vector<GroupResult> results;
  bool committed = false;
  std::vector<std::string> warnings;
};

// What was loaded before, and the snapshot of loaded_files that says so.
struct LoadedState {
  LoadedContents contents;
  std::optional<int64_t> snapshot;
};

// Of the table as it is now.
Result<LoadedState> ReadLoadedState(Warehouse& warehouse);

// Used by one thread, with others of its own: a few files are read at once, and their batches are
// written in the order of the files.
class GroupLoader {
 public:
  // Told the bytes read of the group's files so far, and the file at hand.
  using BytesRead = std::function<void(const std::string& name, int64_t bytes)>;

  // All must outlive the loader; `state` is kept up to date.
  GroupLoader(Warehouse& warehouse, const LoadOptions& options, LoadedState& state,
              BytesRead bytes_read);

  // Loads the files in one commit. A file that cannot be read, or whose content somebody else
  // loaded meanwhile, is left out. An error means that nothing was committed, except for
  // kCommitStateUnknown.
  Result<GroupReport> Load(std::vector<GroupFile> files);

 private:
  struct Files;

  Result<std::unique_ptr<BackgroundWriter>> MakeWriter();
  std::unique_ptr<FileReading> StartReading(const GroupFile& file, bool decompress_apart);
  Status WriteBatches(FileReading& reading, const std::string& name, BackgroundWriter& writer);
  Result<bool> IsKnown(const std::string& sha256, const GroupReport& report);
  Result<bool> ReadAll(std::vector<GroupFile>& files, BackgroundWriter& writer,
                       GroupReport& report);
  Result<bool> Commit(const Files& files, std::vector<GroupFile>& left, GroupReport& report);
  Result<bool> SkipOvertaken(std::vector<GroupFile>& left, GroupReport& report);
  Status CommitOnce(const Files& files, GroupReport& report);
  TimestampMicros NextInstant();

  Warehouse& warehouse_;
  const LoadOptions& options_;
  LoadedState& state_;
  BytesRead bytes_read_;
  UuidV7Generator trace_ids_;
  TimestampMicros last_instant_ = 0;
  std::map<iceberg::TableIdentifier, std::string> table_uuids_;  // of what files are written for
  int64_t bytes_before_ = 0;  // of the group's files read to their end
  bool has_written_ = false;
};

}  // namespace octolake::lake
