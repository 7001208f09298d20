#include "io/byte_source.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/errno_error.h"

namespace octolake::io {
namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(std::unique_ptr<InputFile> file) : file_(std::move(file)) {}

  Result<int64_t> Read(char* out, int64_t capacity) override {
    OCTO_ASSIGN(const int64_t got, file_->ReadAt(consumed_, capacity, out));
    consumed_ += got;
    return got;
  }
  int64_t consumed() const override { return consumed_; }

 private:
  std::unique_ptr<InputFile> file_;
  int64_t consumed_ = 0;
};

class DescriptorSource final : public ByteSource {
 public:
  DescriptorSource(int descriptor, std::string name)
      : descriptor_(descriptor), name_(std::move(name)) {}

  Result<int64_t> Read(char* out, int64_t capacity) override {
    for (;;) {
      const ssize_t got = ::read(descriptor_, out, static_cast<size_t>(capacity));
      if (got >= 0) {
        consumed_ += got;
        return got;
      }
      if (errno == EAGAIN) {
        // Standard input may have been made non-blocking by whoever shares it.
        pollfd ready{descriptor_, POLLIN, 0};
        if (::poll(&ready, 1, -1) >= 0) continue;
      }
      if (errno != EINTR) return ErrnoError(errno, "read", name_);
    }
  }
  int64_t consumed() const override { return consumed_; }

 private:
  int descriptor_;
  std::string name_;
  int64_t consumed_ = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}

  Result<int64_t> Read(char* out, int64_t capacity) override {
    const int64_t left = static_cast<int64_t>(bytes_.size()) - consumed_;
    const int64_t count = std::min(capacity, left);
    std::memcpy(out, bytes_.data() + consumed_, static_cast<size_t>(count));
    consumed_ += count;
    return count;
  }
  int64_t consumed() const override { return consumed_; }

 private:
  std::string bytes_;
  int64_t consumed_ = 0;
};

class ObservedSource final : public ByteSource {
 public:
  ObservedSource(std::unique_ptr<ByteSource> input, std::function<void(std::string_view)> observer)
      : input_(std::move(input)), observer_(std::move(observer)) {}

  Result<int64_t> Read(char* out, int64_t capacity) override {
    OCTO_ASSIGN(const int64_t got, input_->Read(out, capacity));
    if (got > 0) observer_({out, static_cast<size_t>(got)});
    return got;
  }
  int64_t consumed() const override { return input_->consumed(); }

 private:
  std::unique_ptr<ByteSource> input_;
  std::function<void(std::string_view)> observer_;
};

}  // namespace

std::unique_ptr<ByteSource> MakeFileSource(std::unique_ptr<InputFile> file) {
  return std::make_unique<FileSource>(std::move(file));
}

std::unique_ptr<ByteSource> MakeDescriptorSource(int descriptor, std::string name) {
  return std::make_unique<DescriptorSource>(descriptor, std::move(name));
}

std::unique_ptr<ByteSource> MakeMemorySource(std::string bytes) {
  return std::make_unique<MemorySource>(std::move(bytes));
}

std::unique_ptr<ByteSource> MakeObservedSource(std::unique_ptr<ByteSource> input,
                                               std::function<void(std::string_view)> observer) {
  return std::make_unique<ObservedSource>(std::move(input), std::move(observer));
}

}  // namespace octolake::io
