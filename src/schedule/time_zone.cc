#include "schedule/time_zone.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "base/string_util.h"
#include "schedule/posix_time_zone.h"

namespace octolake::schedule {
namespace {

constexpr size_t kHeaderBytes = 44;
constexpr size_t kTypeBytes = 6;
constexpr int64_t kMaxFileBytes = 1 << 20;  // the largest of the database has 4 KB
constexpr size_t kMaxNameBytes = 100;
constexpr int64_t kMaxOffset = 26 * 3600;  // RFC 8536 gives -89999 to 93599 as what is sensible

// The counts of a header, section 3.1.
struct Counts {
  size_t ut_indicators, standard_indicators, leap_seconds, times, types, name_bytes;

  size_t BlockBytes(size_t time_bytes) const {
    return times * (time_bytes + 1) + types * kTypeBytes + name_bytes +
           leap_seconds * (time_bytes + 4) + standard_indicators + ut_indicators;
  }
};

struct Transition {
  int64_t time;
  int64_t offset;
};

int64_t BigEndian(std::string_view bytes) {
  uint64_t number = (bytes.front() & 0x80) != 0 ? ~uint64_t{0} : 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return static_cast<int64_t>(number);
}

// Takes bytes from the front; fewer than asked for are none.
std::optional<std::string_view> Take(std::string_view& bytes, size_t count) {
  if (bytes.size() < count) return std::nullopt;
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

std::optional<Counts> TakeHeader(std::string_view& bytes) {
  const auto header = Take(bytes, kHeaderBytes);
  if (!header || !header->starts_with("TZif") || (*header)[4] < '2') return std::nullopt;
  const auto count = [&](size_t i) {
    return static_cast<size_t>(static_cast<uint32_t>(BigEndian(header->substr(20 + 4 * i, 4))));
  };
  return Counts{count(0), count(1), count(2), count(3), count(4), count(5)};
}

std::optional<std::vector<int64_t>> OffsetsOfTypes(std::string_view types) {
  std::vector<int64_t> offsets;
  for (; !types.empty(); types.remove_prefix(kTypeBytes)) {
    offsets.push_back(BigEndian(types.substr(0, 4)));
    if (std::abs(offsets.back()) > kMaxOffset) return std::nullopt;
  }
  return offsets.empty() ? std::nullopt : std::optional(offsets);
}

std::optional<std::vector<Transition>> Transitions(std::string_view times, std::string_view types,
                                                   const std::vector<int64_t>& offsets) {
  std::vector<Transition> transitions;
  for (size_t i = 0; i < types.size(); ++i) {
    const auto type = static_cast<uint8_t>(types[i]);
    const int64_t time = BigEndian(times.substr(8 * i, 8));
    const bool ordered = transitions.empty() || transitions.back().time < time;
    if (!ordered || type >= offsets.size()) return std::nullopt;
    transitions.push_back({time, offsets[type]});
  }
  return transitions;
}

bool IsZoneName(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+' || c == '/';
  };
  return !name.empty() && name.size() <= kMaxNameBytes && name.front() != '/' &&
         name.back() != '/' && std::all_of(name.begin(), name.end(), allowed);
}

tl::unexpected<Error> NoSuchZone(const std::string& name, const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return MakeError(ErrorKind::kNotFound, "time zone '" + name + "': the time zones' directory " +
                                               directory +
                                               " is missing; install tzdata, or use UTC");
  }
  // The parts of the world, or what is in the one that was named.
  const std::string part = std::filesystem::path(name).parent_path().string();
  std::vector<std::string> names;
  for (auto entry = std::filesystem::directory_iterator(directory + "/" + part, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back((part.empty() ? "" : part + "/") + entry->path().filename().string());
  }
  return MakeError(ErrorKind::kNotFound, "time zone '" + name +
                                             "' is unknown: expected a name of the IANA database, "
                                             "such as Europe/Berlin, or UTC" +
                                             DidYouMean(name, names));
}

}  // namespace

struct TimeZone::Rules {
  std::string name = "UTC";
  int64_t first_offset = 0;             // before the first transition
  std::vector<Transition> transitions;  // in order
  std::optional<PosixTimeZone> later;   // from the last one on, or always

  std::vector<Transition>::const_iterator After(int64_t time) const {
    return std::upper_bound(transitions.begin(), transitions.end(), time,
                            [](int64_t t, const Transition& next) { return t < next.time; });
  }
  // Of the times that the transitions say nothing about.
  bool IsLater(int64_t time) const {
    return later && (transitions.empty() || time >= transitions.back().time);
  }
};

TimeZone::TimeZone() : rules_(std::make_shared<const Rules>()) {}

const std::string& TimeZone::name() const { return rules_->name; }

Result<TimeZone> TimeZone::Load(const std::string& name, const std::string& directory) {
  if (name == "UTC") return TimeZone();
  if (!IsZoneName(name)) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "time zone '" + name.substr(0, kMaxNameBytes) +
                         "': expected a name of the IANA database, such as Europe/Berlin, or UTC");
  }
  const std::string path = directory + "/" + name;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return NoSuchZone(name, directory);
  std::ifstream file(path, std::ios::binary);
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path, error));
  if (!file || error || size > kMaxFileBytes) {
    return MakeError(ErrorKind::kIo, "time zone '" + name + "': cannot read " + path +
                                         ", which should be a small file that all can read");
  }
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Result<TimeZone> zone = Parse(name, bytes);
  if (!zone) return WithContext(std::move(zone).error(), path);
  return zone;
}

Result<TimeZone> TimeZone::Parse(const std::string& name, std::string_view tzif) {
  const auto damaged = [&](const char* what) {
    return MakeError(ErrorKind::kCorruption, "time zone '" + name + "': " + what +
                                                 "; install the system's tzdata anew, or name "
                                                 "another zone");
  };
  // The first block is for readers that know 32-bit times only.
  const auto old = TakeHeader(tzif);
  if (!old) return damaged("it is no TZif file of version 2 or later");
  if (!Take(tzif, old->BlockBytes(4))) return damaged("the file is cut");
  const auto counts = TakeHeader(tzif);
  if (!counts || tzif.size() < counts->BlockBytes(8)) return damaged("the file is cut");
  if (counts->leap_seconds > 0) {
    return MakeError(ErrorKind::kUnsupported,
                     "time zone '" + name +
                         "' counts leap seconds, which the clock of this program does not; use the "
                         "zone without right/ before its name");
  }
  const std::string_view times = *Take(tzif, counts->times * 8);
  const std::string_view types_of_times = *Take(tzif, counts->times);
  const auto offsets = OffsetsOfTypes(*Take(tzif, counts->types * kTypeBytes));
  Take(tzif, counts->name_bytes + counts->standard_indicators + counts->ut_indicators);
  if (!offsets) return damaged("it has no sensible offset from UTC");
  auto transitions = Transitions(times, types_of_times, *offsets);
  if (!transitions) return damaged("its transitions are out of order");

  Rules rules{name, offsets->front(), std::move(*transitions), std::nullopt};
  const size_t end = tzif.find('\n', 1);
  if (!tzif.starts_with('\n') || end == std::string_view::npos) {
    return damaged("the file has no footer");
  }
  if (end > 1) {
    Result<PosixTimeZone> later = PosixTimeZone::Parse(tzif.substr(1, end - 1));
    if (!later) return WithContext(std::move(later).error(), "time zone '" + name + "'");
    rules.later = *later;
  }
  return TimeZone(std::make_shared<const Rules>(std::move(rules)));
}

int64_t TimeZone::OffsetAt(int64_t time) const {
  if (rules_->IsLater(time)) return rules_->later->OffsetAt(time);
  const auto next = rules_->After(time);
  return next == rules_->transitions.begin() ? rules_->first_offset : std::prev(next)->offset;
}

std::optional<int64_t> TimeZone::NextTransition(int64_t after) const {
  const int64_t before = OffsetAt(after);
  for (auto next = rules_->After(after); next != rules_->transitions.end(); ++next) {
    // Some change only the name, or whether it is daylight saving time.
    if (OffsetAt(next->time) != before) return next->time;
  }
  if (!rules_->later) return std::nullopt;
  const auto& known = rules_->transitions;
  return rules_->later->NextTransition(known.empty() ? after : std::max(after, known.back().time));
}

}  // namespace octolake::schedule
