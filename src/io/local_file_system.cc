#include "io/local_file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <system_error>

#include "io/descriptor.h"
#include "io/errno_error.h"
#include "io/local_output_file.h"

namespace octolake::io {
namespace {

bool IsSchemeCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '-' || c == '.';
}

// "s3://bucket/x" -> "s3"; "" if the location has no scheme.
std::string_view SchemeOf(std::string_view location) {
  size_t end = 0;
  while (end < location.size() && IsSchemeCharacter(location[end])) ++end;
  return end > 0 && end < location.size() && location[end] == ':' ? location.substr(0, end)
                                                                  : std::string_view();
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

int64_t ModifiedMicros(const struct stat& info) {
  return int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1000;
}

// Makes the directory and those above it that are missing, durably.
Status EnsureDirectory(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) return ErrnoError(ENOTDIR, "create files in", path);
    return {};
  }
  if (errno != ENOENT) return ErrnoError(errno, "look at directory", path);
  const std::string parent = ParentOf(path);
  OCTO_TRY(EnsureDirectory(parent));
  // Another process may make it at the same time; its name is synced all the same.
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    return ErrnoError(errno, "create directory", path);
  }
  return SyncDirectory(parent);
}

// Adds the files below a directory, without those below symbolic links. Directories and files may
// come and go in the meantime: what is gone is left out, and hides nothing else.
Status ListBelow(const std::string& directory, bool with_scheme, std::vector<FileInfo>& files) {
  std::error_code error;
  std::vector<std::string> inner;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    const std::string& name = it->path().native();
    struct stat info {};
    if (::lstat(name.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      inner.push_back(name);
      continue;
    }
    if (::stat(name.c_str(), &info) != 0) {
      if (errno == ENOENT) continue;
      return ErrnoError(errno, "look at", name);
    }
    if (!S_ISREG(info.st_mode)) continue;
    files.push_back({with_scheme ? FileLocation(name) : name, info.st_size, ModifiedMicros(info)});
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return ErrnoError(error.value(), "list", directory);
  }
  for (const std::string& name : inner) OCTO_TRY(ListBelow(name, with_scheme, files));
  return {};
}

class LocalInputFile final : public InputFile {
 public:
  LocalInputFile(Descriptor descriptor, std::string location, std::string path, int64_t size)
      : descriptor_(std::move(descriptor)),
        location_(std::move(location)),
        path_(std::move(path)),
        size_(size) {}

  const std::string& location() const override { return location_; }
  int64_t size() const override { return size_; }

  Result<int64_t> ReadAt(int64_t offset, int64_t length, void* out) override {
    if (offset < 0 || length < 0) {
      return MakeError(ErrorKind::kInvalidArgument, "negative offset or length for " + path_);
    }
    int64_t done = 0;
    while (done < length) {
      const ssize_t got = ::pread(descriptor_.get(), static_cast<char*>(out) + done,
                                  static_cast<size_t>(length - done), offset + done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ErrnoError(errno, "read", path_);
      if (got == 0) break;
      done += got;
    }
    return done;
  }

 private:
  Descriptor descriptor_;
  std::string location_;
  std::string path_;
  int64_t size_;
};

class LocalFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<InputFile>> Open(const std::string& location) override {
    OCTO_ASSIGN(const std::string path, LocalPath(location));
    Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (descriptor.get() < 0) return ErrnoError(errno, "open", path);
    struct stat info {};
    if (::fstat(descriptor.get(), &info) != 0) return ErrnoError(errno, "look at", path);
    if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "open", path);
    return std::make_unique<LocalInputFile>(std::move(descriptor), location, path, info.st_size);
  }

  Result<std::unique_ptr<OutputFile>> CreateNew(const std::string& location) override {
    OCTO_ASSIGN(const std::string path, LocalPath(location));
    const std::string directory = ParentOf(path);
    {
      // Every thread passes the lock, so that none finds a directory that another has made but not
      // yet made durable.
      const std::lock_guard lock(directories_mutex_);
      OCTO_TRY(EnsureDirectory(directory));
    }
    return CreateLocalOutputFile(location, path, directory);
  }

  Result<FileInfo> Stat(const std::string& location) override {
    OCTO_ASSIGN(const std::string path, LocalPath(location));
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return ErrnoError(errno, "look at", path);
    if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "look at", path);
    return FileInfo{location, info.st_size, ModifiedMicros(info)};
  }

  Status Remove(const std::string& location) override {
    OCTO_ASSIGN(const std::string path, LocalPath(location));
    if (::unlink(path.c_str()) != 0) return ErrnoError(errno, "remove", path);
    return {};
  }

  Status Move(const std::string& from, const std::string& to) override {
    OCTO_ASSIGN(const std::string old_path, LocalPath(from));
    OCTO_ASSIGN(const std::string new_path, LocalPath(to));
    {
      const std::lock_guard lock(directories_mutex_);
      OCTO_TRY(EnsureDirectory(ParentOf(new_path)));
    }
    // Unlike rename(2) this never replaces a file.
    if (::link(old_path.c_str(), new_path.c_str()) != 0) {
      const bool no_links = errno == EXDEV || errno == EPERM || errno == EMLINK ||
                            errno == EOPNOTSUPP || errno == ENOSYS;
      return no_links ? FileSystem::Move(from, to) : ErrnoError(errno, "move", old_path);
    }
    OCTO_TRY(SyncDirectory(ParentOf(new_path)));
    if (::unlink(old_path.c_str()) != 0) return ErrnoError(errno, "remove", old_path);
    return SyncDirectory(ParentOf(old_path));
  }

  Result<std::vector<FileInfo>> List(const std::string& directory) override {
    OCTO_ASSIGN(const std::string path, LocalPath(directory));
    const bool with_scheme = !SchemeOf(directory).empty();
    std::vector<FileInfo> files;
    OCTO_TRY(ListBelow(path, with_scheme, files));
    std::sort(files.begin(), files.end(),
              [](const FileInfo& a, const FileInfo& b) { return a.location < b.location; });
    return files;
  }

 private:
  std::mutex directories_mutex_;
};

}  // namespace

std::unique_ptr<FileSystem> MakeLocalFileSystem() { return std::make_unique<LocalFileSystem>(); }

Status CreateLocalDirectory(const std::string& absolute_path) {
  OCTO_ASSIGN(const std::string path, LocalPath(absolute_path));
  return EnsureDirectory(path);
}

Result<std::string> LocalPath(const std::string& location) {
  std::string path = location;
  if (const std::string_view scheme = SchemeOf(location); !scheme.empty()) {
    if (scheme != "file") {
      return MakeError(ErrorKind::kUnsupported, "cannot use " + location + ": locations with " +
                                                    std::string(scheme) + ": are not local files");
    }
    path = location.substr(5);
    if (path.starts_with("//")) {
      path = path.substr(2);
      if (path.starts_with("localhost/")) path = path.substr(9);
      if (!path.starts_with('/')) {
        return MakeError(ErrorKind::kUnsupported,
                         "cannot use " + location + ": a file on another host");
      }
    }
  }
  if (!path.starts_with('/')) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "expected an absolute path or a file:// location, found '" + location + "'");
  }
  if (path.find('\0') != std::string::npos) {
    return MakeError(ErrorKind::kInvalidArgument, "a path must not contain a zero byte");
  }
  // A trailing slash, or a doubled one at the end, names the same directory.
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string FileLocation(const std::string& absolute_path) { return "file://" + absolute_path; }

}  // namespace octolake::io
