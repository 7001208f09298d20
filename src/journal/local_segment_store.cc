#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "io/descriptor.h"
#include "io/errno_error.h"
#include "io/local_output_file.h"
#include "journal/segment_store.h"

namespace octolake::journal {
namespace {

using io::Descriptor;
using io::ErrnoError;

constexpr char kLockName[] = "lock";
constexpr int64_t kFreedAtOnce = int64_t{2} << 20;

class LocalSegmentFile final : public SegmentFile {
 public:
  LocalSegmentFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Status WriteAt(int64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), offset);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return ErrnoError(errno, "write", path_);
      bytes.remove_prefix(static_cast<size_t>(count));
      offset += count;
    }
    return {};
  }

  Status Sync() override {
    if (::fdatasync(descriptor_.get()) != 0) return ErrnoError(errno, "sync", path_);
    return {};
  }

  Result<std::string> ReadAt(int64_t offset, int64_t length) override {
    std::string bytes(static_cast<size_t>(length), '\0');
    size_t have = 0;
    while (have < bytes.size()) {
      const ssize_t count = ::pread(descriptor_.get(), bytes.data() + have, bytes.size() - have,
                                    offset + static_cast<int64_t>(have));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return ErrnoError(errno, "read", path_);
      if (count == 0) break;
      have += static_cast<size_t>(count);
    }
    bytes.resize(have);
    return bytes;
  }

  Result<int64_t> Size() override {
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) return ErrnoError(errno, "look at", path_);
    return status.st_size;
  }

  Result<int64_t> Links() override {
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) return ErrnoError(errno, "look at", path_);
    return static_cast<int64_t>(status.st_nlink);
  }

  Status Truncate(int64_t size) override {
    if (::ftruncate(descriptor_.get(), size) != 0) return ErrnoError(errno, "cut", path_);
    return {};
  }

  void SetName(const std::string& name) override {
    path_.replace(path_.rfind('/') + 1, std::string::npos, name);
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

// Gives the space of a removed file back a little at a time. All at once, 64 MiB hold up the file
// system's own journal for 40 ms (ext4), and with it every sync of the segment that is being
// written. What fails here is done when the file is closed.
void FreeInSteps(const Descriptor& file) {
  struct stat status {};
  // Of a file with another name, such as a copy of the warehouse made with links, nothing is cut.
  if (::fstat(file.get(), &status) != 0 || status.st_nlink != 0) return;
  for (int64_t size = status.st_size - kFreedAtOnce; size > 0; size -= kFreedAtOnce) {
    if (::ftruncate(file.get(), size) != 0) return;
  }
}

class LocalSegmentStore final : public SegmentStore {
 public:
  LocalSegmentStore(std::string directory, Descriptor lock, bool read_only)
      : directory_(std::move(directory)), lock_(std::move(lock)), read_only_(read_only) {}

  const std::string& directory() const override { return directory_; }

  Result<std::vector<std::string>> List() override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory_, error), end; !error && at != end;
         at.increment(error)) {
      names.push_back(at->path().filename().string());
    }
    if (error) return ErrnoError(error.value(), "list", directory_);
    return names;
  }

  Result<std::unique_ptr<SegmentFile>> Create(const std::string& name, int64_t size) override {
    OCTO_TRY(CheckWritable());
    const std::string path = Path(name);
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.get() < 0) return ErrnoError(errno, "create", path);
    // Reserved now, so that a full disk is met here and not by an event that is being accepted.
    const int failed = ::posix_fallocate(file.get(), 0, size);
    if (failed != 0) {
      ::unlink(path.c_str());
      return ErrnoError(failed, "reserve space for", path);
    }
    return std::make_unique<LocalSegmentFile>(std::move(file), path);
  }

  Result<std::unique_ptr<SegmentFile>> Open(const std::string& name) override {
    const std::string path = Path(name);
    Descriptor file(::open(path.c_str(), (read_only_ ? O_RDONLY : O_RDWR) | O_CLOEXEC));
    if (file.get() < 0) return ErrnoError(errno, "open", path);
    return std::make_unique<LocalSegmentFile>(std::move(file), path);
  }

  Status Remove(const std::string& name) override {
    OCTO_TRY(CheckWritable());
    const Descriptor file(::open(Path(name).c_str(), O_WRONLY | O_CLOEXEC));
    if (::unlink(Path(name).c_str()) != 0) return ErrnoError(errno, "remove", Path(name));
    if (file.get() >= 0) FreeInSteps(file);
    return {};
  }

  Status Rename(const std::string& name, const std::string& new_name) override {
    OCTO_TRY(CheckWritable());
    if (::rename(Path(name).c_str(), Path(new_name).c_str()) != 0) {
      return ErrnoError(errno, "rename", Path(name));
    }
    return {};
  }

  Result<int64_t> FreeBytes() override {
    struct statvfs status {};
    if (::statvfs(directory_.c_str(), &status) != 0) {
      return ErrnoError(errno, "look at", directory_);
    }
    return static_cast<int64_t>(status.f_bavail) * static_cast<int64_t>(status.f_frsize);
  }

  Status SyncDirectory() override { return io::SyncDirectory(directory_); }

 private:
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  Status CheckWritable() const {
    if (!read_only_) return {};
    return MakeError(ErrorKind::kInvalidArgument, directory_ + " was opened for reading only");
  }

  std::string directory_;
  Descriptor lock_;
  bool read_only_;
};

Status CreateDirectory(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return {};
  if (!std::filesystem::create_directories(directory, error) && error) {
    return ErrnoError(error.value(), "create", directory);
  }
  return io::SyncDirectory(std::filesystem::path(directory).parent_path().string());
}

}  // namespace

Result<std::unique_ptr<SegmentStore>> OpenSegmentStore(const std::string& directory) {
  OCTO_TRY(CreateDirectory(directory));
  const std::string path = directory + "/" + kLockName;
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (lock.get() < 0) return ErrnoError(errno, "open", path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoError(errno, "lock", path);
    return MakeError(ErrorKind::kTransient,
                     "journal " + directory + " is in use by another process; stop that one first");
  }
  return std::make_unique<LocalSegmentStore>(directory, std::move(lock), false);
}

Result<std::unique_ptr<SegmentStore>> OpenSegmentStoreToRead(const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return MakeError(ErrorKind::kNotFound, "there is no journal at " + directory);
  }
  return std::make_unique<LocalSegmentStore>(directory, Descriptor(), true);
}

}  // namespace octolake::journal
