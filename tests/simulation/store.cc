#include "store.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "io/local_file_system.h"

namespace octolake::simulation {
namespace {

// How many changes somebody may be behind.
constexpr size_t kMostChanges = 24;

class StoredInput final : public io::InputFile {
 public:
  StoredInput(std::string location, Store::File file)
      : location_(std::move(location)), file_(std::move(file)), size_(std::ssize(file_->bytes)) {}
  const std::string& location() const override { return location_; }
  int64_t size() const override { return size_; }
  Result<int64_t> ReadAt(int64_t offset, int64_t length, void* out) override {
    if (offset >= size_) return 0;
    const int64_t count = std::min(length, size_ - offset);
    std::memcpy(out, file_->bytes.data() + offset, static_cast<size_t>(count));
    return count;
  }

 private:
  const std::string location_;
  const Store::File file_;
  const int64_t size_;
};

class StoredOutput final : public io::OutputFile {
 public:
  StoredOutput(Store& store, std::string location, Store::File file)
      : store_(store), location_(std::move(location)), file_(std::move(file)) {}
  const std::string& location() const override { return location_; }
  int64_t size() const override { return std::ssize(file_->bytes); }
  Status Append(std::string_view bytes) override {
    store_.Append(*file_, bytes);
    return {};
  }
  Status Close() override { return {}; }

 private:
  Store& store_;
  const std::string location_;
  const Store::File file_;
};

class StoreFileSystem final : public io::FileSystem {
 public:
  explicit StoreFileSystem(Store& store) : store_(store) {}

  Result<std::unique_ptr<io::InputFile>> Open(const std::string& location) override {
    auto file = store_.Find(PathOf(location));
    if (file == nullptr) return Missing(location);
    return OpenStored(location, std::move(file));
  }
  Result<std::unique_ptr<io::OutputFile>> CreateNew(const std::string& location) override {
    auto file = store_.Create(PathOf(location));
    if (file == nullptr) return MakeError(ErrorKind::kAlreadyExists, location + " exists");
    return std::make_unique<StoredOutput>(store_, location, std::move(file));
  }
  Result<io::FileInfo> Stat(const std::string& location) override {
    const auto file = store_.Find(PathOf(location));
    if (file == nullptr) return Missing(location);
    return io::FileInfo{location, std::ssize(file->bytes), file->modified};
  }
  Status Remove(const std::string& location) override {
    if (!store_.Remove(PathOf(location))) return Missing(location);
    return {};
  }
  Result<std::vector<io::FileInfo>> List(const std::string& directory) override {
    return store_.List(directory);
  }

 private:
  static tl::unexpected<Error> Missing(const std::string& location) {
    return MakeError(ErrorKind::kNotFound, location + " does not exist");
  }
  Store& store_;
};

// A directory as it was named, with a slash, and how to name what is below it.
struct Directory {
  explicit Directory(const std::string& location)
      : path(PathOf(location) + "/"), scheme(location.starts_with("file:") ? "file://" : "") {}
  io::FileInfo InfoOf(const std::string& file_path, const StoredFile& file) const {
    return {scheme + file_path, std::ssize(file.bytes), file.modified};
  }
  std::string path;
  std::string scheme;
};

}  // namespace

std::string PathOf(const std::string& location) { return io::LocalPath(location).value(); }

std::unique_ptr<io::InputFile> OpenStored(std::string location, Store::File file) {
  return std::make_unique<StoredInput>(std::move(location), std::move(file));
}

Store::Store(const TimestampMicros& now)
    : now_(now), file_system_(std::make_unique<StoreFileSystem>(*this)) {}

Store::File Store::Find(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : found->second;
}

Store::File Store::Create(const std::string& path) {
  const auto [created, is_new] = files_.try_emplace(path);
  if (!is_new) return nullptr;
  created->second = std::make_shared<StoredFile>();
  created->second->modified = now_;
  Note(path, nullptr);
  return created->second;
}

void Store::Append(StoredFile& file, std::string_view bytes) {
  file.bytes += bytes;
  file.modified = now_;
}

bool Store::Remove(const std::string& path) {
  const auto found = files_.find(path);
  if (found == files_.end()) return false;
  Note(path, std::move(found->second));
  files_.erase(found);
  return true;
}

bool Store::Link(const std::string& from, const std::string& to) {
  const auto found = files_.find(from);
  if (found == files_.end() || !files_.emplace(to, found->second).second) return false;
  Note(to, nullptr);
  return true;
}

void Store::Note(const std::string& path, File removed) {
  changes_.push_back({path, std::move(removed)});
  if (changes_.size() > kMostChanges) changes_.pop_front();
}

std::vector<io::FileInfo> Store::List(const std::string& location) const {
  const Directory directory(location);
  std::vector<io::FileInfo> found;
  for (auto at = files_.lower_bound(directory.path);
       at != files_.end() && at->first.starts_with(directory.path); ++at) {
    found.push_back(directory.InfoOf(at->first, *at->second));
  }
  return found;
}

std::vector<io::FileInfo> Store::StaleList(const std::string& location, Choices& choices) const {
  const Directory directory(location);
  std::map<std::string, File> seen;
  for (auto at = files_.lower_bound(directory.path);
       at != files_.end() && at->first.starts_with(directory.path); ++at) {
    seen.insert(*at);
  }
  // The newest first: a state that was.
  int64_t behind = choices.Below(std::ssize(changes_) + 1);
  for (auto change = changes_.rbegin(); behind > 0; ++change, --behind) {
    if (!change->path.starts_with(directory.path)) continue;
    if (change->removed == nullptr) seen.erase(change->path);
    if (change->removed != nullptr) seen[change->path] = change->removed;
  }
  std::vector<io::FileInfo> found;
  for (const auto& [path, file] : seen) found.push_back(directory.InfoOf(path, *file));
  return found;
}

}  // namespace octolake::simulation
