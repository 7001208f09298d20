#include "io/owned_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/uuid.h"
#include "io/errno_error.h"

namespace octolake::io {
namespace {

// Between the making of a file and its lock somebody may take it over for that of a dead owner; the
// next name is another's bad luck only by chance.
constexpr int kCreateAttempts = 10;

// False if somebody else holds it.
Result<bool> TryLock(const Descriptor& descriptor, const std::string& path) {
  while (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return false;
    return ErrnoError(errno, "lock", path);
  }
  return true;
}

// Whether the path still names the open file.
bool IsStillThere(const Descriptor& descriptor, const std::string& path) {
  struct stat open {};
  struct stat named {};
  return ::fstat(descriptor.get(), &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

}  // namespace

Result<OwnedFile> OwnedFile::Create(const std::string& prefix, const std::string& suffix,
                                    RandomSource& random) {
  for (int attempt = 0; attempt < kCreateAttempts; ++attempt) {
    std::string path = prefix + Uuid::RandomV4(random).ToString() + suffix;
    Descriptor descriptor(
        ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (descriptor.get() < 0) return ErrnoError(errno, "create", path);
    OCTO_ASSIGN(const bool locked, TryLock(descriptor, path));
    if (locked && IsStillThere(descriptor, path)) {
      return OwnedFile(std::move(descriptor), std::move(path));
    }
  }
  return MakeError(ErrorKind::kTransient, prefix + "*" + suffix +
                                              ": others took every new file over before it could "
                                              "be locked; try again");
}

Result<std::optional<OwnedFile>> OwnedFile::TakeOver(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (descriptor.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return ErrnoError(errno, "open", path);
  }
  OCTO_ASSIGN(const bool locked, TryLock(descriptor, path));
  if (!locked || !IsStillThere(descriptor, path)) return std::nullopt;
  return OwnedFile(std::move(descriptor), path);
}

Result<std::optional<OwnedFile>> OwnedFile::Hold(const std::string& path) {
  while (true) {
    Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (descriptor.get() < 0) return ErrnoError(errno, "create", path);
    OCTO_ASSIGN(const bool locked, TryLock(descriptor, path));
    if (!locked) return std::nullopt;
    // Whoever had it may have removed it before it was locked.
    if (IsStillThere(descriptor, path)) return OwnedFile(std::move(descriptor), path);
  }
}

Status OwnedFile::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(errno, "write", path_);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<std::string> OwnedFile::Read(int64_t limit) const {
  struct stat info {};
  if (::fstat(descriptor_.get(), &info) != 0) return ErrnoError(errno, "look at", path_);
  if (info.st_size > limit) {
    return MakeError(ErrorKind::kResourceExhausted, path_ + " has " + std::to_string(info.st_size) +
                                                        " bytes, more than the limit of " +
                                                        std::to_string(limit));
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::pread(descriptor_.get(), bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "read", path_);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

Status OwnedFile::Remove() {
  if (::unlink(path_.c_str()) != 0) return ErrnoError(errno, "remove", path_);
  descriptor_ = Descriptor();
  return {};
}

}  // namespace octolake::io
