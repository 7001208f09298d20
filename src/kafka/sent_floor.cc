#include "kafka/sent_floor.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/string_util.h"

namespace octolake::kafka {
namespace {

constexpr std::string_view kPrefix = "kafka.";
constexpr std::string_view kStopped = "kafka.stopped";
constexpr int64_t kMaxBytes = 4096;

bool Has(const nlohmann::json& json, const char* name, bool (nlohmann::json::*is)() const) {
  return json.contains(name) && (json[name].*is)();
}

// What octolakes before this one did not note is missing.
bool IsWhole(const nlohmann::json& json) {
  using Json = nlohmann::json;
  if (!json.is_object() || !Has(json, "journal", &Json::is_string) ||
      !Has(json, "topic", &Json::is_string) || !Has(json, "topic_id", &Json::is_string) ||
      !Has(json, "sequence", &Json::is_number_unsigned)) {
    return false;
  }
  if (json.contains("noted_by") && !json["noted_by"].is_string()) return false;
  if (json.contains("messages_end") && !json["messages_end"].is_number_integer()) return false;
  if (json.contains("opened_at") && !json["opened_at"].is_number_unsigned()) return false;
  for (const char* name : {"stopped", "decided"}) {
    if (json.contains(name) && !json[name].is_boolean()) return false;
  }
  return !json.contains("seen") || DecodePosition(json["seen"].dump()).has_value();
}

SentFloor FloorIn(const nlohmann::json& json) {
  SentFloor floor{json["topic"].get<std::string>(), json["topic_id"].get<std::string>(),
                  json["sequence"].get<uint64_t>()};
  if (json.contains("seen")) floor.seen = DecodePosition(json["seen"].dump()).value();
  floor.noted_by = json.value("noted_by", "");
  floor.messages_end = json.value("messages_end", int64_t{0});
  if (json.contains("opened_at")) floor.opened_at = json["opened_at"].get<uint64_t>();
  floor.stopped = json.value("stopped", false);
  floor.decided = json.value("decided", false);
  return floor;
}

}  // namespace

SentFloorFile::SentFloorFile(io::FileSystem& files, std::string directory, const Uuid& journal)
    : files_(files), directory_(std::move(directory)), journal_(journal) {}

std::string SentFloorFile::LocationOf(uint64_t number) const {
  return directory_ + "/" + std::string(kPrefix) + std::to_string(number);
}

std::string SentFloorFile::location() const {
  return whole_number_ == 0 ? "" : LocationOf(whole_number_);
}

Result<std::optional<SentFloor>> SentFloorFile::Read() {
  if (directory_.empty()) return std::optional<SentFloor>();
  OCTO_ASSIGN(const auto infos, files_.List(directory_));
  std::map<uint64_t, std::string> found;
  const std::string prefix = directory_ + "/" + std::string(kPrefix);
  for (const io::FileInfo& info : infos) {
    if (!info.location.starts_with(prefix)) continue;
    const auto number = ParseNumber<uint64_t>(info.location.substr(prefix.size()));
    // Not those of a copy further down, nor other ways to write a number.
    if (number.value_or(0) == 0 || info.location != LocationOf(*number)) continue;
    found.emplace(*number, info.location);
  }
  if (found.empty()) return std::optional<SentFloor>();
  last_number_ = found.rbegin()->first;
  past_.clear();
  for (const auto& entry : found) past_.push_back(entry.second);
  std::optional<Error> damage;
  for (auto file = found.rbegin(); file != found.rend(); ++file) {
    auto floor = ReadFile(file->second);
    if (floor && *floor) OCTO_TRY(TakeAsWhole(file->first));
    if (floor) return floor;
    if (floor.error().kind == ErrorKind::kNotFound)
      continue;  // cut off, or a person has removed it
    if (floor.error().kind != ErrorKind::kCorruption) return floor;
    damage = floor.error();
  }
  if (!damage) return std::optional<SentFloor>();
  return tl::unexpected<Error>(*damage);
}

Result<std::optional<SentFloor>> SentFloorFile::ReadFile(const std::string& location) const {
  OCTO_ASSIGN(const std::string text, io::ReadAll(files_, location, kMaxBytes));
  // Nothing is sent before the first note is durable: one that was cut off has nothing to tell.
  if (location == LocationOf(1) && !text.ends_with('\n')) {
    return MakeError(ErrorKind::kNotFound, location + " was cut off as it was written");
  }
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!IsWhole(json)) {
    return MakeError(ErrorKind::kCorruption,
                     location +
                         " should say how far the journal is in Kafka, and cannot be read; remove "
                         "it if the topic of positions was never removed or emptied");
  }
  if (json["journal"] != journal_.ToString()) return std::optional<SentFloor>();
  return std::optional<SentFloor>(FloorIn(json));
}

Status SentFloorFile::TakeAsWhole(uint64_t number) {
  whole_number_ = number;
  const std::string whole = LocationOf(number);
  Status all;
  for (const std::string& file : std::exchange(past_, {whole})) {
    if (file == whole) continue;
    Status removed = files_.Remove(file);
    if (removed || removed.error().kind == ErrorKind::kNotFound) continue;
    past_.push_back(file);
    all = std::move(removed);
  }
  return all;
}

Status SentFloorFile::Write(const SentFloor& floor) {
  if (directory_.empty()) return {};
  nlohmann::ordered_json json = {{"journal", journal_.ToString()},
                                 {"topic", floor.topic},
                                 {"topic_id", floor.topic_id},
                                 {"sequence", floor.sequence}};
  if (floor.seen) json["seen"] = nlohmann::ordered_json::parse(EncodePosition(*floor.seen));
  if (!floor.noted_by.empty()) json["noted_by"] = floor.noted_by;
  if (floor.messages_end > 0) json["messages_end"] = floor.messages_end;
  if (floor.opened_at) json["opened_at"] = *floor.opened_at;
  if (floor.stopped) json["stopped"] = true;
  if (floor.decided) json["decided"] = true;
  ++last_number_;  // whatever comes of it, the name is used up
  OCTO_TRY(io::WriteAll(files_, LocationOf(last_number_), json.dump() + "\n"));
  return TakeAsWhole(last_number_);
}

std::string SentFloorFile::stop_location() const {
  return directory_.empty() ? "" : directory_ + "/" + std::string(kStopped);
}

Result<std::optional<std::string>> SentFloorFile::ReadStop() {
  if (directory_.empty()) return std::optional<std::string>();
  auto text = io::ReadAll(files_, stop_location(), kMaxBytes);
  if (text) return std::optional<std::string>(*std::move(text));
  if (text.error().kind == ErrorKind::kNotFound) return std::optional<std::string>();
  return tl::unexpected<Error>(std::move(text).error());
}

Status SentFloorFile::Stop(const std::string& why) {
  if (directory_.empty()) return {};
  Status written = io::WriteAll(files_, stop_location(), why.substr(0, kMaxBytes - 1) + "\n");
  if (!written && written.error().kind == ErrorKind::kAlreadyExists) return {};
  return written;
}

}  // namespace octolake::kafka
