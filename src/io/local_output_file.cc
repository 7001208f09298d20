#include "io/local_output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "io/descriptor.h"
#include "io/errno_error.h"

namespace octolake::io {
namespace {

// Large enough that a system call costs little, small enough for many open files.
constexpr size_t kBufferBytes = 256 * 1024;

class LocalOutputFile final : public OutputFile {
 public:
  LocalOutputFile(Descriptor descriptor, std::string location, std::string path,
                  std::string directory)
      : descriptor_(std::move(descriptor)),
        location_(std::move(location)),
        path_(std::move(path)),
        directory_(std::move(directory)) {}

  ~LocalOutputFile() override {
    // Nobody relies on the name, so a failure leaves only an orphan for maintenance to find.
    if (!closed_) ::unlink(path_.c_str());
  }

  const std::string& location() const override { return location_; }
  int64_t size() const override { return size_; }

  Status Append(std::string_view bytes) override {
    OCTO_TRY(CheckUsable());
    if (buffer_.size() + bytes.size() > kBufferBytes) OCTO_TRY(Flush());
    if (bytes.size() >= kBufferBytes) {
      OCTO_TRY(Write(bytes));
    } else {
      buffer_.append(bytes);
    }
    size_ += static_cast<int64_t>(bytes.size());
    return {};
  }

  Status Close() override {
    OCTO_TRY(CheckUsable());
    OCTO_TRY(Flush());
    if (::fsync(descriptor_.get()) != 0) return Fail(ErrnoError(errno, "sync", path_));
    if (::close(descriptor_.Release()) != 0) return Fail(ErrnoError(errno, "close", path_));
    if (Status synced = SyncDirectory(directory_); !synced) {
      return Fail(tl::unexpected<Error>(synced.error()));
    }
    closed_ = true;
    buffer_ = {};
    return {};
  }

 private:
  Status CheckUsable() const {
    if (failed_) return tl::unexpected<Error>(*failed_);
    if (closed_) return MakeError(ErrorKind::kInvalidArgument, path_ + " is closed already");
    return {};
  }

  // After a failed write or sync the kernel may have dropped the data: every later call fails too.
  Status Fail(tl::unexpected<Error> error) {
    failed_ = error.value();
    return error;
  }

  Status Flush() {
    OCTO_TRY(Write(buffer_));
    buffer_.clear();
    return {};
  }

  Status Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Fail(ErrnoError(errno, "write", path_));
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  Descriptor descriptor_;
  std::string location_;
  std::string path_;
  std::string directory_;
  std::string buffer_;
  int64_t size_ = 0;
  bool closed_ = false;
  std::optional<Error> failed_;
};

}  // namespace

Result<std::unique_ptr<OutputFile>> CreateLocalOutputFile(std::string location, std::string path,
                                                          std::string directory) {
  Descriptor descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (descriptor.get() < 0) return ErrnoError(errno, "create", path);
  return std::make_unique<LocalOutputFile>(std::move(descriptor), std::move(location),
                                           std::move(path), std::move(directory));
}

Status SyncDirectory(const std::string& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) return ErrnoError(errno, "open directory", path);
  // Some network file systems cannot sync a directory and say so with EINVAL; their names are as
  // durable as they will ever be.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL) {
    return ErrnoError(errno, "sync directory", path);
  }
  return {};
}

}  // namespace octolake::io
