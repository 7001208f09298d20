#include "iceberg/stray_metadata.h"

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "iceberg/metadata_file.h"
#include "iceberg/table_places.h"

namespace octolake::iceberg {
namespace {

// Of two commits that raced, both files were written within the time that one commit takes, with
// all the waiting of a busy catalog. Generous, but far below the time after which somebody who
// puts an older file back by hand has done so and others have committed.
constexpr int64_t kLongestRaceMs = int64_t{10} * 60 * 1000;

// Engines spell the same location in several ways; the name has a UUID in it.
std::string NameOf(const std::string& location) { return location.substr(location.rfind('/') + 1); }

bool IsCleaned(const TableMetadata& metadata) {
  return MayCollectGarbage(metadata) && DeletesOldMetadata(metadata);
}

class Search {
 public:
  Search(io::FileSystem& fs, const Table& table)
      : fs_(fs), table_(table), metadata_(*table.metadata) {}

  Result<std::vector<io::FileInfo>> Run();

 private:
  Status ListUnnamed();
  Status FindOlderThanLog();
  bool LostRace(const TableMetadata& metadata) const;
  void FindLosers();

  io::FileSystem& fs_;
  const Table& table_;
  const TableMetadata& metadata_;
  std::map<std::string, int64_t> next_ms_;  // of a name in the log: when its successor was made
  std::map<std::string, io::FileInfo> unnamed_;  // by name
  std::vector<io::FileInfo> found_;
};

Status Search::ListUnnamed() {
  const std::string directory = MetadataDirectory(metadata_);
  OCTO_ASSIGN(std::vector<io::FileInfo> files, fs_.List(directory));
  const std::string current = NameOf(table_.metadata_location);
  for (io::FileInfo& file : files) {
    std::string name = NameOf(file.location);
    const bool own = file.location.size() == directory.size() + 1 + name.size();
    if (!own || !name.ends_with(".metadata.json")) continue;
    if (name == current || next_ms_.contains(name)) continue;
    unnamed_.emplace(std::move(name), std::move(file));
  }
  return {};
}

Status Search::FindOlderThanLog() {
  const std::string& oldest = metadata_.metadata_log.front().metadata_file;
  const int64_t oldest_version = MetadataVersion(oldest);
  const int64_t reach = oldest_version - std::ssize(metadata_.metadata_log);
  bool any = false;
  for (const auto& [name, file] : unnamed_) {
    const int64_t version = MetadataVersion(name);
    any = any || (version >= reach && version < oldest_version);
  }
  if (!any) return {};
  auto read = ReadMetadataFile(fs_, oldest);
  if (!read) {
    if (read.error().kind == ErrorKind::kNotFound) return {};
    return tl::unexpected<Error>(std::move(read).error());
  }
  for (const MetadataLogEntry& entry : read->metadata_log) {
    if (auto file = unnamed_.extract(NameOf(entry.metadata_file))) {
      found_.push_back(std::move(file.mapped()));
    }
  }
  return {};
}

bool Search::LostRace(const TableMetadata& metadata) const {
  if (metadata.table_uuid != metadata_.table_uuid || metadata.metadata_log.empty()) return false;
  const auto base = next_ms_.find(NameOf(metadata.metadata_log.back().metadata_file));
  return base != next_ms_.end() &&
         std::abs(metadata.last_updated_ms - base->second) <= kLongestRaceMs;
}

void Search::FindLosers() {
  const int64_t first = MetadataVersion(metadata_.metadata_log.front().metadata_file);
  const int64_t last = MetadataVersion(table_.metadata_location);
  for (auto& [name, file] : unnamed_) {
    const int64_t version = MetadataVersion(name);
    // Others were made from no file of the log.
    if (version <= first || version > last) continue;
    const auto read = ReadMetadataFile(fs_, file.location);
    // Somebody may be writing it, or have removed it.
    if (read && LostRace(*read)) found_.push_back(std::move(file));
  }
}

Result<std::vector<io::FileInfo>> Search::Run() {
  const std::vector<MetadataLogEntry>& log = metadata_.metadata_log;
  if (!IsCleaned(metadata_) || log.empty()) return std::move(found_);
  for (size_t i = 0; i < log.size(); ++i) {
    next_ms_[NameOf(log[i].metadata_file)] =
        i + 1 < log.size() ? log[i + 1].timestamp_ms : metadata_.last_updated_ms;
  }
  OCTO_TRY(ListUnnamed());
  if (unnamed_.empty()) return std::move(found_);
  OCTO_TRY(FindOlderThanLog());
  FindLosers();
  return std::move(found_);
}

}  // namespace

Result<std::vector<io::FileInfo>> FindStrayMetadata(io::FileSystem& fs, const Table& table) {
  return Search(fs, table).Run();
}

}  // namespace octolake::iceberg
