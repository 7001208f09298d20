#include <glob.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "lake/input_file.h"
#include "lake/load.h"

namespace octolake::lake {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kSuffixes = {".json", ".jsonl", ".ndjson", ".gz", ".zst"};

bool IsPattern(const std::string& source) {
  return source.find_first_of("*?[") != std::string::npos;
}

// Links to directories are not followed: they can lead in circles.
Status AddDirectory(const std::string& directory, std::vector<std::string>* paths) {
  std::error_code error;
  std::vector<std::string> found;
  fs::recursive_directory_iterator entry(directory, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string path = entry->path().string();
    const bool wanted = std::any_of(kSuffixes.begin(), kSuffixes.end(),
                                    [&](std::string_view end) { return path.ends_with(end); });
    std::error_code type_error;
    if (wanted && !entry->is_directory(type_error)) found.push_back(path);
  }
  if (error) {
    return MakeError(ErrorKind::kIo, "cannot list directory " + directory + ": " + error.message());
  }
  if (found.empty()) {
    return MakeError(ErrorKind::kNotFound,
                     "directory " + directory +
                         " holds no event files (*.json, *.jsonl, *.ndjson, *.gz, *.zst)");
  }
  std::sort(found.begin(), found.end());
  paths->insert(paths->end(), found.begin(), found.end());
  return {};
}

Status AddPath(const std::string& path, std::vector<std::string>* paths) {
  std::error_code error;
  if (fs::is_directory(path, error)) return AddDirectory(path, paths);
  paths->push_back(path);
  return {};
}

Status AddMatches(const std::string& pattern, std::vector<std::string>* paths) {
  glob_t matches{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &matches);
  const std::vector<std::string> found(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  ::globfree(&matches);
  if (status == GLOB_NOMATCH || (status == 0 && found.empty())) {
    return MakeError(ErrorKind::kNotFound, "no file matches " + pattern);
  }
  if (status != 0) return MakeError(ErrorKind::kIo, "cannot look for files like " + pattern);
  for (const std::string& path : found) OCTO_TRY(AddPath(path, paths));
  return {};
}

}  // namespace

Result<std::vector<std::string>> ExpandSources(const std::vector<std::string>& sources) {
  std::vector<std::string> paths;
  for (const std::string& source : sources) {
    std::error_code error;
    const bool exists = fs::exists(source, error);
    if (source == kStandardInput || (!exists && IsRemote(source))) {
      paths.push_back(source);
    } else if (!exists && IsPattern(source)) {
      OCTO_TRY(AddMatches(source, &paths));
    } else {
      OCTO_TRY(AddPath(source, &paths));
    }
  }
  return paths;
}

}  // namespace octolake::lake
