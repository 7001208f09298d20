#include "io/spill_directory.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/random.h"
#include "base/uuid.h"

namespace octolake::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "spill-";
// As directories of DuckDB were named once.
constexpr std::string_view kFormerPrefix = "duckdb-";
constexpr std::string_view kOwnerSuffix = ".owner";

// The directory first: a directory without an owner's file would be nobody's for ever.
void RemoveWithOwner(OwnedFile& owner) {
  const std::string& path = owner.path();
  std::error_code error;
  fs::remove_all(path.substr(0, path.size() - kOwnerSuffix.size()), error);
  // What cannot be removed now is left to the next one.
  if (!error) static_cast<void>(owner.Remove());
}

void RemoveAbandoned(const std::string& parent) {
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().native();
    const bool ours = name.starts_with(kPrefix) || name.starts_with(kFormerPrefix);
    if (!ours || !name.ends_with(kOwnerSuffix)) continue;
    auto owner = OwnedFile::TakeOver(it->path().native());
    if (owner && *owner) RemoveWithOwner(**owner);
  }
}

}  // namespace

SpillDirectory::SpillDirectory(const std::string& parent) {
  if (parent.empty()) return;
  // DuckDB makes only the last directory of a path.
  std::error_code ignored;
  fs::create_directories(parent, ignored);
  RemoveAbandoned(parent);
  const std::string prefix = parent + "/" + std::string(kPrefix);
  auto owner = OwnedFile::Create(prefix, std::string(kOwnerSuffix), SystemRandom());
  if (!owner) {
    path_ = prefix + Uuid::RandomV4(SystemRandom()).ToString();
    return;
  }
  owner_ = *std::move(owner);
  path_ = owner_->path().substr(0, owner_->path().size() - kOwnerSuffix.size());
}

SpillDirectory::~SpillDirectory() {
  if (owner_) RemoveWithOwner(*owner_);
}

}  // namespace octolake::io
