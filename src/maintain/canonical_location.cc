#include "maintain/canonical_location.h"

#include <filesystem>
#include <system_error>

#include "io/local_file_system.h"
#include "io/s3_file_system.h"

namespace octolake::maintain {
namespace {

// Directories kept in mind; a table has one a partition.
constexpr size_t kMostDirectories = 10'000;

}  // namespace

std::string LocationSpelling::WithPrefix(const std::string& location) const {
  for (const auto& [prefix, meaning] : equal_prefixes_) {
    if (location.starts_with(prefix)) return meaning + location.substr(prefix.size());
  }
  return location;
}

// Keys are bytes: nothing in them is another way to write something else. What our listings do not
// show (empty parts) is not compared.
Result<std::string> LocationSpelling::ObjectOf(const std::string& location) const {
  const std::string replaced = io::CanonicalS3Location(WithPrefix(location));
  constexpr size_t kSchemeLength = 5;
  if (io::IsS3Location(replaced) && replaced.find("//", kSchemeLength) == std::string::npos) {
    return replaced;
  }
  return MakeError(ErrorKind::kUnsupported,
                   "it cannot be told which object " + location +
                       " is; if it is another name of one on S3, say so with an equal prefix");
}

Result<std::string> LocationSpelling::LocalPathOf(const std::string& location) const {
  auto local = io::LocalPath(WithPrefix(location));
  if (local) return local;
  return WithContext(std::move(local).error(),
                     "it cannot be told which file " + location +
                         " is; if it is another name of a local file, say so with an equal prefix");
}

Result<std::string> LocationSpelling::CanonicalDirectory(const std::string& location) {
  if (!is_local_) {
    OCTO_ASSIGN(std::string object, ObjectOf(location));
    while (object.ends_with('/')) object.pop_back();
    return object;
  }
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
  if (!is_local_) return ObjectOf(location);
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
