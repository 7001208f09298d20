#include "maintain/quarantine.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/civil_time.h"
#include "base/uuid.h"
#include "iceberg/table_places.h"
#include "io/local_file_system.h"

namespace octolake::maintain {
namespace {

using std::filesystem::path;

// "20260102T030405Z".
constexpr size_t kTimeLength = 16;
constexpr char kPlacesFile[] = "places";
constexpr int64_t kMaxPlacesBytes = int64_t{1} << 20;
// After it has written its places a removal moves its first file in seconds.
constexpr int64_t kBeginsWithin = kMicrosPerDay;
// Between the writing of places and their lock somebody may tidy them away.
constexpr int kBeginAttempts = 10;
constexpr int64_t kCompareBytes = int64_t{1} << 20;

std::string FormatTime(TimestampMicros time) {
  std::string text = FormatTimestamp(FloorDiv(time, kMicrosPerSecond) * kMicrosPerSecond);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

// Whether a file has the first bytes of another one, perhaps all.
Result<bool> IsBeginningOf(io::FileSystem& fs, const std::string& part, const std::string& whole) {
  OCTO_ASSIGN(const auto first, fs.Open(part));
  OCTO_ASSIGN(const auto second, fs.Open(whole));
  if (first->size() > second->size()) return false;
  std::string bytes(kCompareBytes, '\0');
  std::string others(kCompareBytes, '\0');
  for (int64_t offset = 0; offset < first->size();) {
    const int64_t length = std::min(kCompareBytes, first->size() - offset);
    OCTO_ASSIGN(const int64_t got, first->ReadAt(offset, length, bytes.data()));
    OCTO_ASSIGN(const int64_t also, second->ReadAt(offset, length, others.data()));
    const auto count = static_cast<size_t>(length);
    if (got != length || also != length || bytes.compare(0, count, others, 0, count) != 0) {
      return false;
    }
    offset += length;
  }
  return true;
}

// The directories below that of a removal, each behind the one that it is in; nullopt if there is a
// file in them, or they cannot be read.
std::optional<std::vector<path>> EmptyDirectories(const path& removal) {
  std::vector<path> directories;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(removal, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path() == removal / kPlacesFile) continue;
    if (!it->is_directory(error) || error) return std::nullopt;
    directories.push_back(it->path());
  }
  return error ? std::nullopt : std::optional(std::move(directories));
}

// Places that somebody holds are those of a removal that is under way, with a file in it soon. Only
// what is empty is removed, so that no file goes that comes in the meantime.
void TidyRemoval(const path& removal) {
  namespace fs = std::filesystem;
  if (!EmptyDirectories(removal)) return;
  const path places = removal / kPlacesFile;
  auto held = io::OwnedFile::TakeOver(places.native());
  // Where it is not known whether they are there, they may be held.
  std::error_code error;
  if (!held || (!*held && (fs::exists(places, error) || error))) return;
  const auto directories = EmptyDirectories(removal);
  if (!directories) return;
  std::error_code ignored;
  for (auto it = directories->rbegin(); it != directories->rend(); ++it) fs::remove(*it, ignored);
  if (*held) (void)(*held)->Remove();
  fs::remove(removal, ignored);
}

}  // namespace

std::optional<TimestampMicros> Quarantine::TimeOf(const std::string& removal) {
  if (removal.size() < kTimeLength) return std::nullopt;
  const auto part = [&](size_t begin, size_t length) { return removal.substr(begin, length); };
  const auto time = ParseTimestamp(part(0, 4) + "-" + part(4, 2) + "-" + part(6, 5) + ":" +
                                   part(11, 2) + ":" + part(13, 3));
  return time ? std::optional(*time) : std::nullopt;
}

Quarantine::Quarantine(lake::Warehouse& warehouse, const iceberg::TableMetadata& metadata)
    : warehouse_(warehouse),
      places_(iceberg::TablePlaces(metadata)),
      directory_(warehouse.location() + "/.quarantine/" + metadata.table_uuid) {}

Result<TimestampMicros> Quarantine::StoreTime() {
  io::FileSystem& fs = warehouse_.file_system();
  // Where the next start removes it, should this process be killed now.
  const std::string location =
      warehouse_.location() + "/tmp/clock-" + Uuid::RandomV4(warehouse_.random()).ToString();
  OCTO_TRY(io::WriteAll(fs, location, "x"));
  const auto info = fs.Stat(location);
  OCTO_TRY(fs.Remove(location));
  if (!info) return tl::unexpected<Error>(info.error());
  return info->modified_micros;
}

// The places may be elsewhere by the time that files are to come back.
Status Quarantine::BeginRemoval(TimestampMicros now) {
  std::string lines;
  for (const auto& [name, place] : places_) lines += name + " " + place + "\n";
  for (int attempt = 0; attempt < kBeginAttempts; ++attempt) {
    const std::string removal =
        directory_ + "/" + FormatTime(now) + "-" + Uuid::RandomV4(warehouse_.random()).ToString();
    const std::string location = removal + "/" + kPlacesFile;
    const Status written = io::WriteAll(warehouse_.file_system(), location, lines);
    // Of a directory that went before there was a file in it, or of a warehouse that is gone. On S3
    // only the latter.
    const bool may_be_tidied = warehouse_.is_local() && attempt + 1 < kBeginAttempts;
    if (!written && written.error().kind == ErrorKind::kNotFound && may_be_tidied) continue;
    OCTO_TRY(written);
    OCTO_ASSIGN(const bool begun, HoldPlaces(location));
    if (!begun) continue;
    removal_ = removal;
    return {};
  }
  return MakeError(ErrorKind::kTransient,
                   directory_ +
                       ": others tidied every new removal away before it could begin; try "
                       "again");
}

Result<bool> Quarantine::HoldPlaces(const std::string& location) {
  if (!warehouse_.is_local()) return true;
  OCTO_ASSIGN(const std::string path, io::LocalPath(location));
  OCTO_ASSIGN(held_places_, io::OwnedFile::TakeOver(path));
  if (held_places_) return true;
  // Somebody tidies, and holds it or has removed it; unless the warehouse's files are not on this
  // machine's disk, where nobody can.
  std::error_code error;
  const bool is_on_disk = std::filesystem::exists(path, error);
  return !is_on_disk && !error && warehouse_.file_system().Stat(location).has_value();
}

Status Quarantine::TakeAway(const std::string& location, TimestampMicros now) {
  const auto place = std::find_if(places_.begin(), places_.end(), [&](const auto& one) {
    return location.starts_with(one.second + "/");
  });
  if (place == places_.end()) {
    return MakeError(ErrorKind::kInvalidArgument, location + " is in none of the table's places");
  }
  if (removal_.empty()) OCTO_TRY(BeginRemoval(now));
  const std::string here = removal_ + "/" + place->first + location.substr(place->second.size());
  // Also if that fails: it may have been moved all the same.
  taken_.emplace(location, here);
  return warehouse_.file_system().Move(location, here);
}

Status Quarantine::BringBack(const std::string& location) {
  const auto taken = taken_.find(location);
  if (taken == taken_.end()) {
    return MakeError(ErrorKind::kNotFound, location + " was not taken away");
  }
  return warehouse_.file_system().Move(taken->second, location);
}

Status Quarantine::Restore(const Held& held) {
  io::FileSystem& fs = warehouse_.file_system();
  Status back = fs.Move(held.here, held.location);
  if (back || back.error().kind != ErrorKind::kAlreadyExists) return back;
  // A process that is killed in the middle of a move leaves both, one of them perhaps a copy of a
  // part.
  OCTO_ASSIGN(const bool is_there, IsBeginningOf(fs, held.here, held.location));
  if (is_there) return fs.Remove(held.here);
  OCTO_ASSIGN(const bool is_part, IsBeginningOf(fs, held.location, held.here));
  if (!is_part) return back;
  OCTO_TRY(fs.Remove(held.location));
  return fs.Move(held.here, held.location);
}

Result<std::map<std::string, std::string>> Quarantine::PlacesOf(const std::string& removal) {
  std::map<std::string, std::string> places;
  const std::string location = removal + "/" + kPlacesFile;
  const auto lines = io::ReadAll(warehouse_.file_system(), location, kMaxPlacesBytes);
  if (!lines && lines.error().kind == ErrorKind::kNotFound) return places;
  if (!lines) return tl::unexpected<Error>(lines.error());
  std::istringstream in(*lines);
  for (std::string line; std::getline(in, line);) {
    const size_t blank = line.find(' ');
    if (blank == std::string::npos) {
      return MakeError(
          ErrorKind::kCorruption,
          location + ": expected lines of a name and a location, found '" + line + "'");
    }
    places[line.substr(0, blank)] = line.substr(blank + 1);
  }
  return places;
}

Result<std::vector<Quarantine::Held>> Quarantine::List(std::vector<std::string>& strange) {
  OCTO_ASSIGN(const auto files, warehouse_.file_system().List(directory_));
  std::map<std::string, std::map<std::string, std::string>> places_of;  // by removal
  std::vector<Held> held;
  for (const io::FileInfo& file : files) {
    // <removal>/<place>/<path below the place>
    const std::string below = file.location.substr(directory_.size() + 1);
    const size_t first = below.find('/');
    const auto time = TimeOf(below);
    if (!time || first == std::string::npos) {
      strange.push_back(file.location);
      continue;
    }
    const std::string in_removal = below.substr(first + 1);
    if (in_removal == kPlacesFile) continue;
    const std::string removal = directory_ + "/" + below.substr(0, first);
    auto places = places_of.find(removal);
    if (places == places_of.end()) {
      OCTO_ASSIGN(auto read, PlacesOf(removal));
      places = places_of.emplace(removal, std::move(read)).first;
    }
    const size_t second = in_removal.find('/');
    const auto place = places->second.find(in_removal.substr(0, second));
    if (second == std::string::npos || place == places->second.end()) {
      strange.push_back(file.location);
      continue;
    }
    held.push_back({file.location, place->second + in_removal.substr(second), *time});
  }
  // Where a copy was cut off, a later one is whole.
  std::stable_sort(held.begin(), held.end(),
                   [](const Held& a, const Held& b) { return a.since > b.since; });
  return held;
}

// What cannot be removed now is left to the next run.
void Quarantine::Tidy() {
  if (warehouse_.is_local()) {
    TidyDirectories();
  } else {
    TidyObjects();
  }
}

// Where there are no directories: the list of places of a removal of which nothing else is there.
// A young one may be of another machine's removal, which is about to move its first file.
void Quarantine::TidyObjects() {
  const auto files = warehouse_.file_system().List(directory_);
  if (!files) return;
  std::map<std::string, std::vector<io::FileInfo>> removals;  // and what is in them
  for (const io::FileInfo& file : *files) {
    const std::string below = file.location.substr(directory_.size() + 1);
    if (TimeOf(below)) removals[below.substr(0, below.find('/'))].push_back(file);
  }
  std::erase_if(removals, [&](const auto& one) {
    const auto& [removal, in_it] = one;
    return in_it.size() != 1 ||
           in_it.front().location != directory_ + "/" + removal + "/" + kPlacesFile;
  });
  if (removals.empty()) return;
  const auto now = StoreTime();
  if (!now) return;
  for (const auto& [removal, in_it] : removals) {
    const io::FileInfo& places = in_it.front();
    if (*now - places.modified_micros <= kBeginsWithin) continue;
    (void)warehouse_.file_system().Remove(places.location);
  }
}

void Quarantine::TidyDirectories() {
  namespace fs = std::filesystem;
  const auto directory = io::LocalPath(directory_);
  if (!directory) return;
  std::error_code ignored;
  for (fs::directory_iterator it(*directory, ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    if (TimeOf(it->path().filename().native())) TidyRemoval(it->path());
  }
}

}  // namespace octolake::maintain
