#include "source/download_directory.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/random.h"
#include "base/sha256.h"
#include "io/errno_error.h"
#include "source/download.h"

namespace octolake::source {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kKeptUnfinished{7 * 24};
constexpr size_t kDigestDigits = 16;
constexpr size_t kShownNameBytes = 80;
// Of a download whose usual file another process has; no usual name has it.
constexpr std::string_view kOwnMark = "~own-";

// A file name that tells URLs apart and shows people what it is.
std::string FileNameOf(const std::string& url) {
  std::string name = Sha256Hex(url).substr(0, kDigestDigits) + "-";
  const std::string last = url.substr(url.rfind('/') + 1);
  for (const char c : last.substr(0, std::min(last.find_first_of("?#"), kShownNameBytes))) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-';
    name += plain ? c : '_';
  }
  return name;
}

bool IsOld(const std::string& path) {
  std::error_code error;
  const auto modified = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - modified > kKeptUnfinished;
}

void RemoveIfAbandoned(const std::string& path) {
  if (path.ends_with(kValidatorSuffix)) {
    // Without its download, as after a power cut.
    const std::string download =
        path.substr(0, path.size() - std::string_view(kValidatorSuffix).size());
    std::error_code error;
    if (IsOld(path) && !fs::exists(download, error)) fs::remove(path, error);
    return;
  }
  const bool own = fs::path(path).filename().native().find(kOwnMark) != std::string::npos;
  if (!own && !IsOld(path)) return;
  auto file = io::OwnedFile::TakeOver(path);
  if (file && *file) RemoveDownload(**file);
}

}  // namespace

Result<io::OwnedFile> HoldDownload(const std::string& directory, const std::string& url) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return io::ErrnoError(error.value(), "create", directory);
  const std::string path = directory + "/" + FileNameOf(url);
  OCTO_ASSIGN(auto file, io::OwnedFile::Hold(path));
  if (file) return *std::move(file);
  return io::OwnedFile::Create(path + std::string(kOwnMark), "", SystemRandom());
}

// The validator first: without it a download is still found, it without the download is not.
void RemoveDownload(io::OwnedFile& file) {
  RemoveValidator(file.path());
  // What cannot be removed now is abandoned.
  static_cast<void>(file.Remove());
}

void RemoveAbandonedDownloads(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    RemoveIfAbandoned(at->path().string());
  }
}

}  // namespace octolake::source
