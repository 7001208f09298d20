#include "io/faulty_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "io/descriptor.h"
#include "io/errno_error.h"
#include "io/local_file_system.h"

namespace octolake::io {
namespace {

// Small, so that a file of a few kilobytes takes several writes.
constexpr size_t kBufferBytes = 4 * 1024;
constexpr int64_t kMaxFileBytes = int64_t{64} << 20;

std::string ParentOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

Status WriteBytes(const Descriptor& descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(errno, "write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<Descriptor> CreateFile(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (descriptor.get() < 0) return ErrnoError(errno, "create", path);
  return descriptor;
}

class FaultyInputFile final : public InputFile {
 public:
  FaultyInputFile(std::unique_ptr<InputFile> inner, FaultPlan& plan)
      : inner_(std::move(inner)), plan_(plan) {}

  const std::string& location() const override { return inner_->location(); }
  int64_t size() const override { return inner_->size(); }
  Result<int64_t> ReadAt(int64_t offset, int64_t length, void* out) override {
    if (plan_.Take(StepKind::kRead) != StepEffect::kProceeds) {
      return MakeError(ErrorKind::kIo, "injected fault: cannot read " + location());
    }
    return inner_->ReadAt(offset, length, out);
  }

 private:
  std::unique_ptr<InputFile> inner_;
  FaultPlan& plan_;
};

}  // namespace

class FaultyOutputFile final : public OutputFile {
 public:
  FaultyOutputFile(FaultyDisk& disk, Descriptor descriptor, std::string location, std::string path)
      : disk_(disk),
        descriptor_(std::move(descriptor)),
        location_(std::move(location)),
        path_(std::move(path)) {}

  ~FaultyOutputFile() override {
    if (closed_) return;
    const StepEffect effect = disk_.plan_.Take(StepKind::kRemove);
    const bool removes = effect == StepEffect::kProceeds || effect == StepEffect::kLosesReply;
    if (removes) static_cast<void>(disk_.Remove(path_));
  }

  const std::string& location() const override { return location_; }
  int64_t size() const override { return size_; }

  Status Append(std::string_view bytes) override {
    OCTO_TRY(CheckUsable());
    buffer_.append(bytes);
    size_ += static_cast<int64_t>(bytes.size());
    return buffer_.size() < kBufferBytes ? Status() : Flush();
  }

  Status Close() override {
    OCTO_TRY(CheckUsable());
    if (!buffer_.empty()) OCTO_TRY(Flush());
    OCTO_TRY(Step(StepKind::kSync, [&] { disk_.NoteContentSynced(path_); }));
    OCTO_TRY(Step(StepKind::kSyncDirectory, [&] { disk_.NoteNamesSynced(ParentOf(path_)); }));
    closed_ = true;
    descriptor_ = Descriptor();
    return {};
  }

 private:
  Status CheckUsable() const {
    if (failed_) return tl::unexpected(*failed_);
    if (closed_) return MakeError(ErrorKind::kInvalidArgument, path_ + " is closed already");
    return {};
  }

  Status Fail(Error error) {
    failed_ = error;
    return tl::unexpected(std::move(error));
  }

  template <typename Action>
  Status Step(StepKind kind, Action action) {
    const StepEffect effect = disk_.plan_.Take(kind);
    if (effect == StepEffect::kProceeds || effect == StepEffect::kLosesReply) action();
    return effect == StepEffect::kProceeds ? Status() : Fail(disk_.Injected(kind, path_));
  }

  Status Flush() {
    const StepEffect effect = disk_.plan_.Take(StepKind::kWrite);
    size_t reaches = buffer_.size();
    if (effect == StepEffect::kFails) reaches = 0;
    if (effect == StepEffect::kTorn) reaches = disk_.plan_.RandomUpTo(buffer_.size() - 1);
    Status written = WriteBytes(descriptor_, std::string_view(buffer_).substr(0, reaches), path_);
    if (!written) return Fail(std::move(written).error());
    buffer_.clear();
    if (effect != StepEffect::kProceeds) return Fail(disk_.Injected(StepKind::kWrite, path_));
    return {};
  }

  FaultyDisk& disk_;
  Descriptor descriptor_;
  const std::string location_;
  const std::string path_;
  std::string buffer_;
  int64_t size_ = 0;
  bool closed_ = false;
  std::optional<Error> failed_;
};

class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(FaultyDisk& disk) : disk_(disk) {}

  Result<std::unique_ptr<InputFile>> Open(const std::string& location) override {
    OCTO_TRY(TakeReading(StepKind::kOpen, location));
    OCTO_ASSIGN(auto file, local_->Open(location));
    return std::make_unique<FaultyInputFile>(std::move(file), disk_.plan_);
  }

  Result<std::unique_ptr<OutputFile>> CreateNew(const std::string& location) override {
    OCTO_ASSIGN(std::string path, LocalPath(location));
    const StepEffect effect = disk_.plan_.Take(StepKind::kCreate);
    const bool creates = effect == StepEffect::kProceeds || effect == StepEffect::kLosesReply;
    if (!creates) return tl::unexpected(disk_.Injected(StepKind::kCreate, path));
    OCTO_TRY(CreateLocalDirectory(ParentOf(path)));
    OCTO_ASSIGN(Descriptor descriptor, CreateFile(path));
    disk_.NoteCreated(path);
    if (effect != StepEffect::kProceeds) {
      return tl::unexpected(disk_.Injected(StepKind::kCreate, path));
    }
    return std::make_unique<FaultyOutputFile>(disk_, std::move(descriptor), location,
                                              std::move(path));
  }

  Result<FileInfo> Stat(const std::string& location) override {
    OCTO_TRY(TakeReading(StepKind::kStat, location));
    return local_->Stat(location);
  }

  Status Remove(const std::string& location) override {
    OCTO_ASSIGN(const std::string path, LocalPath(location));
    const StepEffect effect = disk_.plan_.Take(StepKind::kRemove);
    const bool removes = effect == StepEffect::kProceeds || effect == StepEffect::kLosesReply;
    if (removes) OCTO_TRY(disk_.Remove(path));
    if (effect == StepEffect::kProceeds) return {};
    return tl::unexpected(disk_.Injected(StepKind::kRemove, path));
  }

  Result<std::vector<FileInfo>> List(const std::string& directory) override {
    OCTO_TRY(TakeReading(StepKind::kList, directory));
    return local_->List(directory);
  }

 private:
  Status TakeReading(StepKind kind, const std::string& location) {
    if (disk_.plan_.Take(kind) == StepEffect::kProceeds) return {};
    return tl::unexpected(disk_.Injected(kind, location));
  }

  FaultyDisk& disk_;
  const std::unique_ptr<FileSystem> local_ = MakeLocalFileSystem();
};

std::unique_ptr<FileSystem> FaultyDisk::MakeFileSystem() {
  return std::make_unique<FaultyFileSystem>(*this);
}

Error FaultyDisk::Injected(StepKind step, const std::string& path) const {
  const bool grows = step == StepKind::kCreate || step == StepKind::kWrite;
  const ErrorKind kind =
      grows && plan_.disk_full() ? ErrorKind::kResourceExhausted : ErrorKind::kIo;
  return {kind, "injected fault: cannot " + std::string(StepKindName(step)) + " " + path};
}

void FaultyDisk::NoteCreated(const std::string& path) {
  const std::lock_guard lock(mutex_);
  changes_[path] = Change{};
}

void FaultyDisk::NoteContentSynced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  changes_[path].content_synced = true;
}

void FaultyDisk::NoteNamesSynced(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  for (auto it = changes_.begin(); it != changes_.end();) {
    Change& change = it->second;
    const bool here = ParentOf(it->first) == directory;
    change.name_synced = change.name_synced || here;
    const bool durable = change.name_synced && (change.removed || change.content_synced);
    it = durable ? changes_.erase(it) : std::next(it);
  }
}

Status FaultyDisk::Remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto local = MakeLocalFileSystem();
  OCTO_ASSIGN(std::string content, ReadAll(*local, path, kMaxFileBytes));
  OCTO_TRY(local->Remove(path));
  changes_[path] = Change{.removed = true, .content = std::move(content)};
  return {};
}

Status FaultyDisk::CutFile(const std::string& path, const Change& change) {
  const bool name_lives = change.name_synced || plan_.RandomUpTo(1) == 0;
  if (change.removed) {
    if (!name_lives) return {};
    OCTO_ASSIGN(const Descriptor descriptor, CreateFile(path));
    return WriteBytes(descriptor, change.content, path);
  }
  if (!name_lives && ::unlink(path.c_str()) != 0) return ErrnoError(errno, "remove", path);
  if (!name_lives || change.content_synced) return {};
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (!error) std::filesystem::resize_file(path, plan_.RandomUpTo(size), error);
  if (error) return ErrnoError(error.value(), "cut", path);
  return {};
}

Status FaultyDisk::CutPower() {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, change] : changes_) OCTO_TRY(CutFile(path, change));
  changes_.clear();
  return {};
}

}  // namespace octolake::io
