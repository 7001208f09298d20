#include "source/archive_hours.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <regex>

namespace octolake::source {
namespace {

struct Range {
  int first = 0;
  int last = 0;
};

// "7", "07" or "{0..23}".
Range ParseRange(const std::string& text) {
  if (text.front() != '{') return {std::stoi(text), std::stoi(text)};
  const size_t dots = text.find("..");
  return {std::stoi(text.substr(1, dots - 1)), std::stoi(text.substr(dots + 2))};
}

tl::unexpected<Error> NoSuchHour(const std::string& text, const std::string& why) {
  return MakeError(
      ErrorKind::kInvalidArgument,
      text + ": " + why + "; expected hours such as 2015-01-01-15, 2015-01-01-{0..23}");
}

Result<std::vector<std::string>> Expand(const std::string& text, const std::smatch& parts,
                                        const std::string& archive_url) {
  const int year = std::stoi(parts[1]);
  const int month = std::stoi(parts[2]);
  const Range days = ParseRange(parts[3]);
  const Range hours = ParseRange(parts[4]);
  const std::chrono::year_month of{std::chrono::year(year),
                                   std::chrono::month(static_cast<unsigned>(month))};
  if (!of.ok()) return NoSuchHour(text, "there is no month " + parts[2].str());
  const auto last_day =
      static_cast<unsigned>(std::chrono::year_month_day(of / std::chrono::last).day());
  if (days.first < 1 || days.last > static_cast<int>(last_day) || days.first > days.last) {
    return NoSuchHour(text, "there is no such day; the month has " + std::to_string(last_day));
  }
  if (hours.last > 23 || hours.first > hours.last) {
    return NoSuchHour(text, "hours go from 0 to 23");
  }
  std::vector<std::string> urls;
  for (int day = days.first; day <= days.last; ++day) {
    for (int hour = hours.first; hour <= hours.last; ++hour) {
      char name[64];
      std::snprintf(name, sizeof(name), "/%04d-%02d-%02d-%d.json.gz", year, month, day, hour);
      urls.push_back(archive_url + name);
    }
  }
  return urls;
}

}  // namespace

std::optional<Result<std::vector<std::string>>> ExpandHours(const std::string& text,
                                                            const std::string& archive_url) {
  static const std::regex kHour(
      R"((\d{4})-(\d{2})-(\d{2}|\{\d{1,2}\.\.\d{1,2}\})-(\d{1,2}|\{\d{1,2}\.\.\d{1,2}\}))");
  std::smatch parts;
  if (!std::regex_match(text, parts, kHour)) return std::nullopt;
  return Expand(text, parts, archive_url);
}

}  // namespace octolake::source
