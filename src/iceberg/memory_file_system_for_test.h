// Files in memory, for tests of this room.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"

namespace octolake::iceberg {

class MemoryFileSystem final : public io::FileSystem {
 public:
  Result<std::unique_ptr<io::InputFile>> Open(const std::string& location) override {
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(location);
    if (found == files_.end()) return Missing(location);
    ++opened_[location];
    return std::make_unique<Input>(location, found->second);
  }
  Result<std::unique_ptr<io::OutputFile>> CreateNew(const std::string& location) override {
    const std::lock_guard lock(mutex_);
    if (files_.contains(location)) {
      return MakeError(ErrorKind::kAlreadyExists, location + " exists");
    }
    return std::make_unique<Output>(*this, location);
  }
  Result<io::FileInfo> Stat(const std::string& location) override {
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(location);
    if (found == files_.end()) return Missing(location);
    return io::FileInfo{.location = location, .size = std::ssize(found->second)};
  }
  Status Remove(const std::string& location) override {
    const std::lock_guard lock(mutex_);
    if (files_.erase(location) == 0) return Missing(location);
    return {};
  }
  Result<std::vector<io::FileInfo>> List(const std::string& directory) override {
    const std::lock_guard lock(mutex_);
    std::vector<io::FileInfo> found;
    for (const auto& [location, bytes] : files_) {
      if (location.starts_with(directory + "/")) {
        found.push_back({.location = location, .size = std::ssize(bytes)});
      }
    }
    return found;
  }

  // How often each file was opened since the last call.
  std::map<std::string, int> TakeOpened() {
    const std::lock_guard lock(mutex_);
    return std::exchange(opened_, {});
  }
  // For damage.
  std::string& Bytes(const std::string& location) { return files_.at(location); }
  bool Contains(const std::string& location) const { return files_.contains(location); }

 private:
  class Input final : public io::InputFile {
   public:
    Input(std::string location, std::string bytes)
        : location_(std::move(location)), bytes_(std::move(bytes)) {}
    const std::string& location() const override { return location_; }
    int64_t size() const override { return std::ssize(bytes_); }
    Result<int64_t> ReadAt(int64_t offset, int64_t length, void* out) override {
      if (offset >= size()) return 0;
      const int64_t count = std::min(length, size() - offset);
      std::memcpy(out, bytes_.data() + offset, static_cast<size_t>(count));
      return count;
    }

   private:
    const std::string location_;
    const std::string bytes_;
  };
  class Output final : public io::OutputFile {
   public:
    Output(MemoryFileSystem& fs, std::string location) : fs_(fs), location_(std::move(location)) {}
    const std::string& location() const override { return location_; }
    int64_t size() const override { return std::ssize(bytes_); }
    Status Append(std::string_view bytes) override {
      bytes_ += bytes;
      return {};
    }
    Status Close() override {
      const std::lock_guard lock(fs_.mutex_);
      fs_.files_[location_] = bytes_;
      return {};
    }

   private:
    MemoryFileSystem& fs_;
    const std::string location_;
    std::string bytes_;
  };

  static tl::unexpected<Error> Missing(const std::string& location) {
    return MakeError(ErrorKind::kNotFound, location + " does not exist");
  }

  std::mutex mutex_;
  std::map<std::string, std::string> files_;
  std::map<std::string, int> opened_;
};

}  // namespace octolake::iceberg
