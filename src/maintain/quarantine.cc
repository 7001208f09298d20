#include "maintain/quarantine.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/civil_time.h"
#include "base/uuid.h"
#include "io/local_file_system.h"

namespace octolake::maintain {
namespace {

// "20260102T030405Z".
constexpr size_t kTimeLength = 16;
constexpr int64_t kCompareBytes = int64_t{1} << 20;

std::string WithoutSlash(std::string directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  return directory;
}

std::string FormatTime(TimestampMicros time) {
  std::string text = FormatTimestamp(FloorDiv(time, kMicrosPerSecond) * kMicrosPerSecond);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::optional<TimestampMicros> ParseTime(const std::string& text) {
  if (text.size() < kTimeLength) return std::nullopt;
  const auto part = [&](size_t begin, size_t length) { return text.substr(begin, length); };
  const auto time = ParseTimestamp(part(0, 4) + "-" + part(4, 2) + "-" + part(6, 5) + ":" +
                                   part(11, 2) + ":" + part(13, 3));
  return time ? std::optional(*time) : std::nullopt;
}

Result<bool> SameContent(io::FileSystem& fs, const std::string& a, const std::string& b) {
  OCTO_ASSIGN(const auto first, fs.Open(a));
  OCTO_ASSIGN(const auto second, fs.Open(b));
  if (first->size() != second->size()) return false;
  std::string bytes(kCompareBytes, '\0');
  std::string others(kCompareBytes, '\0');
  for (int64_t offset = 0; offset < first->size();) {
    OCTO_ASSIGN(const int64_t got, first->ReadAt(offset, kCompareBytes, bytes.data()));
    OCTO_ASSIGN(const int64_t also, second->ReadAt(offset, kCompareBytes, others.data()));
    if (got == 0 || got != also ||
        bytes.compare(0, static_cast<size_t>(got), others, 0, static_cast<size_t>(got)) != 0) {
      return false;
    }
    offset += got;
  }
  return true;
}

}  // namespace

std::map<std::string, std::string> TablePlaces(const iceberg::TableMetadata& metadata) {
  std::map<std::string, std::string> places = {{"table", WithoutSlash(metadata.location)}};
  const std::pair<const char*, const char*> elsewhere[] = {{"data", "write.data.path"},
                                                           {"metadata", "write.metadata.path"}};
  for (const auto& [name, property] : elsewhere) {
    const auto path = metadata.properties.find(property);
    if (path == metadata.properties.end()) continue;
    const std::string directory = WithoutSlash(path->second);
    const bool below = (directory + "/").starts_with(places.at("table") + "/");
    if (!below) places[name] = directory;
  }
  return places;
}

Quarantine::Quarantine(lake::Warehouse& warehouse, const iceberg::TableMetadata& metadata)
    : warehouse_(warehouse),
      places_(TablePlaces(metadata)),
      directory_(io::FileLocation(warehouse.directory()) + "/.quarantine/" + metadata.table_uuid) {}

Result<TimestampMicros> Quarantine::StoreTime() {
  io::FileSystem& fs = warehouse_.file_system();
  // Where the next start removes it, should this process be killed now.
  const std::string location = io::FileLocation(warehouse_.temp_directory()) + "/clock-" +
                               Uuid::RandomV4(warehouse_.random()).ToString();
  OCTO_TRY(io::WriteAll(fs, location, "x"));
  const auto info = fs.Stat(location);
  OCTO_TRY(fs.Remove(location));
  if (!info) return tl::unexpected<Error>(info.error());
  return info->modified_micros;
}

Result<std::string> Quarantine::PlaceFor(const std::string& location, TimestampMicros now) {
  if (removal_.empty()) {
    removal_ =
        directory_ + "/" + FormatTime(now) + "-" + Uuid::RandomV4(warehouse_.random()).ToString();
  }
  for (const auto& [name, place] : places_) {
    if (!location.starts_with(place + "/")) continue;
    return removal_ + "/" + name + location.substr(place.size());
  }
  return MakeError(ErrorKind::kInvalidArgument, location + " is in none of the table's places");
}

Status Quarantine::TakeAway(const std::string& location, TimestampMicros now) {
  OCTO_ASSIGN(std::string here, PlaceFor(location, now));
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
  // As a process leaves it that is killed in the middle of bringing it back.
  OCTO_ASSIGN(const bool same, SameContent(fs, held.here, held.location));
  return same ? fs.Remove(held.here) : back;
}

Result<std::vector<Quarantine::Held>> Quarantine::List(std::vector<std::string>& strange) {
  OCTO_ASSIGN(const auto files, warehouse_.file_system().List(directory_));
  std::vector<Held> held;
  for (const io::FileInfo& file : files) {
    const std::string below = file.location.substr(directory_.size() + 1);
    const size_t first = below.find('/');
    const size_t second = first == std::string::npos ? first : below.find('/', first + 1);
    const auto time = ParseTime(below);
    const auto place = second == std::string::npos
                           ? places_.end()
                           : places_.find(below.substr(first + 1, second - first - 1));
    if (!time || place == places_.end()) {
      strange.push_back(file.location);
      continue;
    }
    held.push_back({file.location, place->second + below.substr(second), *time});
  }
  // Where a copy was cut off, a later one is whole.
  std::stable_sort(held.begin(), held.end(),
                   [](const Held& a, const Held& b) { return a.since > b.since; });
  return held;
}

}  // namespace octolake::maintain
