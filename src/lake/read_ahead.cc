#include "lake/read_ahead.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "base/thread.h"

namespace octolake::lake {
namespace {

// Of one file; enough to bridge the opening of the next.
constexpr size_t kMaxReady = 3;

}  // namespace

ReadAhead::ReadAhead(io::FileSystem& fs, std::vector<iceberg::ScanTask> files,
                     iceberg::Schema columns, const datafile::ReadFileOptions& options, int threads)
    : fs_(fs),
      files_(std::move(files)),
      columns_(std::move(columns)),
      options_(options),
      alone_(threads == 0),
      // Small files that are finished wait for one that takes longer.
      most_files_(static_cast<size_t>(std::max(threads, 1)) + 1) {
  if (alone_) return;
  for (int i = 0; i < std::max(threads, 1); ++i) {
    auto thread = StartThread("to read data files", [this] { Work(); });
    if (!thread) {
      if (threads_.empty()) status_ = tl::unexpected<Error>(std::move(thread).error());
      return;
    }
    threads_.push_back(*std::move(thread));
  }
}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    unwanted_ = true;
  }
  changed_.notify_all();
}

Result<ReadAhead::Item> ReadAhead::ReadNext() {
  while (true) {
    if (reader_ == nullptr) {
      if (current_ == files_.size()) return Item{};
      OCTO_ASSIGN(reader_, datafile::OpenScanTask(fs_, files_[current_], columns_, options_));
      ++current_;
    }
    OCTO_ASSIGN(auto batch, reader_->Next());
    if (batch != nullptr) return Item{current_ - 1, std::move(batch)};
    reader_.reset();
  }
}

Result<ReadAhead::Item> ReadAhead::Next() {
  if (alone_) {
    OCTO_TRY(status_);
    auto item = ReadNext();
    if (!item) status_ = tl::unexpected<Error>(item.error());
    return item;
  }
  std::unique_lock lock(mutex_);
  while (true) {
    OCTO_TRY(status_);
    if (current_ == files_.size()) return Item{};
    changed_.wait(lock, [this] {
      const auto found = ahead_.find(current_);
      return found != ahead_.end() && (!found->second.ready.empty() || found->second.finished);
    });
    Ahead& file = ahead_[current_];
    if (!file.ready.empty()) {
      Item item{current_, std::move(file.ready.front())};
      file.ready.pop_front();
      lock.unlock();
      changed_.notify_all();
      return item;
    }
    status_ = std::move(file.status);
    ahead_.erase(current_++);
    changed_.notify_all();
  }
}

bool ReadAhead::Offer(size_t file, std::shared_ptr<arrow::RecordBatch> batch) {
  std::unique_lock lock(mutex_);
  auto& ready = ahead_[file].ready;
  changed_.wait(lock, [&] { return ready.size() < kMaxReady || unwanted_; });
  if (unwanted_) return false;
  ready.push_back(std::move(batch));
  lock.unlock();
  changed_.notify_all();
  return true;
}

Status ReadAhead::ReadFile(size_t file) {
  OCTO_ASSIGN(auto reader, datafile::OpenScanTask(fs_, files_[file], columns_, options_));
  while (true) {
    OCTO_ASSIGN(auto batch, reader->Next());
    if (batch == nullptr || !Offer(file, std::move(batch))) return {};
  }
}

void ReadAhead::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] {
      return unwanted_ || next_ == files_.size() || next_ < current_ + most_files_;
    });
    if (unwanted_ || next_ == files_.size()) return;
    const size_t file = next_++;
    lock.unlock();
    Status status = ReadFile(file);
    lock.lock();
    Ahead& ahead = ahead_[file];
    ahead.status = std::move(status);
    ahead.finished = true;
    changed_.notify_all();
    if (!ahead.status) return;
  }
}

}  // namespace octolake::lake
