#include "maintain/canonical_location.h"

#include <filesystem>
#include <system_error>

#include "io/local_file_system.h"

namespace octolake::maintain {
namespace {

// Directories kept in mind; a table has one a partition.
constexpr size_t kMostDirectories = 10'000;

}  // namespace

Result<std::string> LocationSpelling::LocalPathOf(const std::string& location) const {
  std::string replaced = location;
  for (const auto& [prefix, meaning] : equal_prefixes_) {
    if (!location.starts_with(prefix)) continue;
    replaced = meaning + location.substr(prefix.size());
    break;
  }
  auto local = io::LocalPath(replaced);
  if (local) return local;
  return WithContext(std::move(local).error(),
                     "it cannot be told which file " + location +
                         " is; if it is another name of a local file, say so with an equal prefix");
}

Result<std::string> LocationSpelling::CanonicalDirectory(const std::string& location) {
  OCTO_ASSIGN(const std::string local, LocalPathOf(location));
  std::error_code error;
  std::string path = std::filesystem::weakly_canonical(local, error).native();
  if (error) {
    return MakeError(ErrorKind::kIo,
                     "cannot find out what directory " + local + " is: " + error.message());
  }
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

Result<std::string> LocationSpelling::Canonical(const std::string& location) {
  OCTO_ASSIGN(const std::string local, LocalPathOf(location));
  const size_t slash = local.rfind('/');
  const std::string directory = local.substr(0, slash + 1);
  auto known = directories_.find(directory);
  if (known == directories_.end()) {
    OCTO_ASSIGN(std::string path, CanonicalDirectory(directory));
    if (!path.ends_with('/')) path += '/';
    if (directories_.size() >= kMostDirectories) directories_.clear();
    known = directories_.emplace(directory, std::move(path)).first;
  }
  return known->second + local.substr(slash + 1);
}

}  // namespace octolake::maintain
