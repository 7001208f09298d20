// A segment store in memory that knows what is on disk and what is not, and can fail.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "journal/segment_store.h"

namespace octolake::journal {

class MemorySegmentStore final : public SegmentStore {
 public:
  struct File {
    std::string bytes;           // as processes see it
    std::string durable;         // as a power cut leaves it
    std::set<int64_t> unsynced;  // sectors written since the last sync
  };
  enum class Step { kCreate, kWrite, kSync, kSyncDirectory, kRemove, kRename };
  static constexpr int64_t kSector = 512;

  // Asked before each step; an error is what the step gives. A write that fails has written half.
  std::function<Status(Step)> before;

  // Told after a file was opened.
  std::function<void(const std::string& name)> opened;
  // Told after bytes were read, before they are given back.
  std::function<void(int64_t offset)> was_read;

  int64_t free_bytes = int64_t{1} << 40;
  std::map<std::string, std::shared_ptr<File>> files;

  // The machine loses power: of what was not synced, some sectors are on disk and some are not; of
  // changes of names since the last sync of the directory, the last ones may not have happened.
  void CutPower(RandomSource& random) {
    for (; !undo_.empty() && random.Next() % 2 == 0; undo_.pop_back()) undo_.back()(files);
    undo_.clear();
    for (auto at = files.begin(); at != files.end(); ++at) {
      File& file = *at->second;
      file.durable.resize(file.bytes.size(), '\0');
      for (const int64_t sector : file.unsynced) {
        if (random.Next() % 2 == 0) CopySector(file, sector);
      }
      file.bytes = file.durable;
      file.unsynced.clear();
    }
  }

  const std::string& directory() const override { return directory_; }
  Result<std::vector<std::string>> List() override {
    std::vector<std::string> names;
    for (const auto& [name, file] : files) names.push_back(name);
    return names;
  }
  Result<std::unique_ptr<SegmentFile>> Create(const std::string& name, int64_t size) override {
    OCTO_TRY(Before(Step::kCreate));
    if (files.contains(name)) return MakeError(ErrorKind::kAlreadyExists, name + " is there");
    auto file = std::make_shared<File>();
    file->bytes.assign(static_cast<size_t>(size), '\0');
    file->durable = file->bytes;
    files[name] = file;
    undo_.push_back([name](auto& names) { names.erase(name); });
    return std::make_unique<Handle>(*this, file);
  }
  Result<std::unique_ptr<SegmentFile>> Open(const std::string& name) override {
    const auto found = files.find(name);
    if (found == files.end()) return MakeError(ErrorKind::kNotFound, name + " is not there");
    auto handle = std::make_unique<Handle>(*this, found->second);
    if (opened) opened(name);
    return handle;
  }
  Status Remove(const std::string& name) override {
    OCTO_TRY(Before(Step::kRemove));
    const auto found = files.find(name);
    if (found == files.end()) return MakeError(ErrorKind::kNotFound, name + " is not there");
    undo_.push_back([name, file = found->second](auto& names) { names[name] = file; });
    files.erase(found);
    return {};
  }
  Status Rename(const std::string& name, const std::string& new_name) override {
    OCTO_TRY(Before(Step::kRename));
    const auto found = files.find(name);
    if (found == files.end()) return MakeError(ErrorKind::kNotFound, name + " is not there");
    const auto replaced = files.find(new_name);
    undo_.push_back([name, new_name, file = found->second,
                     before = replaced == files.end() ? nullptr : replaced->second](auto& names) {
      names[name] = file;
      if (before == nullptr) {
        names.erase(new_name);
      } else {
        names[new_name] = before;
      }
    });
    files[new_name] = found->second;
    files.erase(name);
    return {};
  }
  Result<int64_t> FreeBytes() override { return free_bytes; }
  Status SyncDirectory() override {
    OCTO_TRY(Before(Step::kSyncDirectory));
    undo_.clear();
    return {};
  }

 private:
  class Handle final : public SegmentFile {
   public:
    Handle(MemorySegmentStore& store, std::shared_ptr<File> file)
        : store_(store), file_(std::move(file)) {}
    Status WriteAt(int64_t offset, std::string_view bytes) override {
      Status allowed = store_.Before(Step::kWrite);
      Put(offset, allowed ? bytes : bytes.substr(0, bytes.size() / 2));
      return allowed;
    }
    Status Sync() override {
      OCTO_TRY(store_.Before(Step::kSync));
      file_->durable.resize(file_->bytes.size(), '\0');
      for (const int64_t sector : file_->unsynced) CopySector(*file_, sector);
      file_->unsynced.clear();
      return {};
    }
    Result<std::string> ReadAt(int64_t offset, int64_t length) override {
      if (offset >= static_cast<int64_t>(file_->bytes.size())) return std::string();
      std::string bytes =
          file_->bytes.substr(static_cast<size_t>(offset), static_cast<size_t>(length));
      if (store_.was_read) store_.was_read(offset);
      return bytes;
    }
    Result<int64_t> Size() override { return static_cast<int64_t>(file_->bytes.size()); }
    Result<int64_t> Links() override {
      return std::count_if(store_.files.begin(), store_.files.end(),
                           [this](const auto& one) { return one.second == file_; });
    }
    Status Truncate(int64_t size) override {
      file_->bytes.resize(static_cast<size_t>(size), '\0');
      return {};
    }
    void SetName(const std::string&) override {}

   private:
    void Put(int64_t offset, std::string_view bytes) {
      file_->bytes.replace(static_cast<size_t>(offset), bytes.size(), bytes);
      const int64_t end = offset + static_cast<int64_t>(bytes.size());
      for (int64_t sector = offset / kSector; sector * kSector < end; ++sector) {
        file_->unsynced.insert(sector);
      }
    }
    MemorySegmentStore& store_;
    std::shared_ptr<File> file_;
  };

  static void CopySector(File& file, int64_t sector) {
    const auto begin = static_cast<size_t>(sector * kSector);
    if (begin >= file.bytes.size()) return;
    const size_t size = std::min<size_t>(kSector, file.bytes.size() - begin);
    file.durable.replace(begin, size, file.bytes, begin, size);
  }
  Status Before(Step step) { return before ? before(step) : Status(); }

  std::string directory_ = "/journal";
  std::vector<std::function<void(std::map<std::string, std::shared_ptr<File>>&)>> undo_;
};

}  // namespace octolake::journal
