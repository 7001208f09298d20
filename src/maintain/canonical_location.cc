#include "maintain/canonical_location.h"

#include <filesystem>
#include <system_error>

#include "io/local_file_system.h"

namespace octolake::maintain {
namespace {

// Directories kept in mind; a table has one a partition.
constexpr size_t kMostDirectories = 10'000;

}  // namespace

Result<std::string> LocationSpelling::Canonical(const std::string& location) {
  std::string replaced = location;
  for (const auto& [prefix, meaning] : equal_prefixes_) {
    if (!location.starts_with(prefix)) continue;
    replaced = meaning + location.substr(prefix.size());
    break;
  }
  auto local = io::LocalPath(replaced);
  if (!local) {
    return WithContext(
        std::move(local).error(),
        "it cannot be told which file " + location +
            " is; if it is another name of a local file, say so with an equal prefix");
  }
  const size_t slash = local->rfind('/');
  const std::string directory = local->substr(0, slash + 1);
  auto known = directories_.find(directory);
  if (known == directories_.end()) {
    std::error_code error;
    const std::filesystem::path path = std::filesystem::weakly_canonical(directory, error);
    if (error) {
      return MakeError(ErrorKind::kIo,
                       "cannot find out what directory " + directory + " is: " + error.message());
    }
    if (directories_.size() >= kMostDirectories) directories_.clear();
    std::string name = path.native();
    if (!name.ends_with('/')) name += '/';
    known = directories_.emplace(directory, std::move(name)).first;
  }
  return known->second + local->substr(slash + 1);
}

}  // namespace octolake::maintain
