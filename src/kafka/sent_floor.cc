#include "kafka/sent_floor.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/string_util.h"

namespace octolake::kafka {
namespace {

constexpr std::string_view kPrefix = "kafka.";
constexpr int64_t kMaxBytes = 4096;

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
  for (const io::FileInfo& info : infos) {
    std::string_view name = info.location;
    name.remove_prefix(name.rfind('/') + 1);
    if (!name.starts_with(kPrefix)) continue;
    const auto number = ParseNumber<uint64_t>(name.substr(kPrefix.size()));
    if (number.value_or(0) > 0) found.emplace(*number, LocationOf(*number));
  }
  if (found.empty()) return std::optional<SentFloor>();
  last_number_ = found.rbegin()->first;
  past_.clear();
  for (const auto& entry : found) past_.push_back(entry.second);
  std::optional<Error> damage;
  for (auto file = found.rbegin(); file != found.rend(); ++file) {
    auto floor = ReadFile(file->second);
    if (floor) {
      whole_number_ = file->first;
      return floor;
    }
    if (floor.error().kind != ErrorKind::kCorruption) return floor;
    damage = floor.error();
  }
  return tl::unexpected<Error>(*damage);
}

Result<std::optional<SentFloor>> SentFloorFile::ReadFile(const std::string& location) const {
  OCTO_ASSIGN(const std::string text, io::ReadAll(files_, location, kMaxBytes));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto has = [&](const char* name, auto is) {
    return json.contains(name) && (json[name].*is)();
  };
  using Json = nlohmann::json;
  if (!json.is_object() || !has("journal", &Json::is_string) || !has("topic", &Json::is_string) ||
      !has("topic_id", &Json::is_string) || !has("sequence", &Json::is_number_unsigned)) {
    return MakeError(ErrorKind::kCorruption,
                     location +
                         " should say how far the journal is in Kafka, and cannot be read; remove "
                         "it if the topic of positions was never removed or emptied");
  }
  if (json["journal"] != journal_.ToString()) return std::optional<SentFloor>();
  return std::optional<SentFloor>(SentFloor{json["topic"].get<std::string>(),
                                            json["topic_id"].get<std::string>(),
                                            json["sequence"].get<uint64_t>()});
}

Status SentFloorFile::Write(const SentFloor& floor) {
  if (directory_.empty()) return {};
  const nlohmann::ordered_json json = {{"journal", journal_.ToString()},
                                       {"topic", floor.topic},
                                       {"topic_id", floor.topic_id},
                                       {"sequence", floor.sequence}};
  ++last_number_;  // whatever comes of it, the name is used up
  OCTO_TRY(io::WriteAll(files_, LocationOf(last_number_), json.dump() + "\n"));
  whole_number_ = last_number_;
  for (const std::string& file : std::exchange(past_, {LocationOf(whole_number_)})) {
    Status removed = files_.Remove(file);
    if (!removed && removed.error().kind != ErrorKind::kNotFound) return removed;
  }
  return {};
}

}  // namespace octolake::kafka
