#include "lake/read_ahead.h"

#include <arrow/record_batch.h>

#include <utility>

namespace octolake::lake {
namespace {

// Enough to bridge the opening of a file.
constexpr size_t kMaxReady = 3;

}  // namespace

ReadAhead::ReadAhead(io::FileSystem& fs, std::vector<iceberg::ScanTask> files,
                     iceberg::Schema columns, const datafile::ReadFileOptions& options, WorkIn work)
    : fs_(fs),
      files_(std::move(files)),
      columns_(std::move(columns)),
      options_(options),
      work_(work) {
  if (work_ == WorkIn::kCallersThread) return;
  auto thread = StartThread("to read data files", [this] { Work(); });
  if (thread) {
    thread_ = *std::move(thread);
  } else {
    status_ = tl::unexpected<Error>(std::move(thread).error());
    finished_ = true;
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
      if (next_file_ == files_.size()) return Item{};
      OCTO_ASSIGN(reader_, datafile::OpenScanTask(fs_, files_[next_file_], columns_, options_));
      ++next_file_;
    }
    OCTO_ASSIGN(auto batch, reader_->Next());
    if (batch != nullptr) return Item{next_file_ - 1, std::move(batch)};
    reader_.reset();
  }
}

Result<ReadAhead::Item> ReadAhead::Next() {
  if (work_ == WorkIn::kCallersThread) {
    OCTO_TRY(status_);
    auto item = ReadNext();
    if (!item) status_ = tl::unexpected<Error>(item.error());
    return item;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || finished_; });
  if (ready_.empty()) {
    OCTO_TRY(status_);
    return Item{};
  }
  Item item = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return item;
}

bool ReadAhead::Offer(Item item) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_.size() < kMaxReady || unwanted_; });
  if (unwanted_) return false;
  ready_.push_back(std::move(item));
  lock.unlock();
  changed_.notify_all();
  return true;
}

Status ReadAhead::ReadFile(size_t file) {
  OCTO_ASSIGN(auto reader, datafile::OpenScanTask(fs_, files_[file], columns_, options_));
  while (true) {
    OCTO_ASSIGN(auto batch, reader->Next());
    if (batch == nullptr || !Offer({file, std::move(batch)})) return {};
  }
}

void ReadAhead::Work() {
  Status status;
  for (size_t file = 0; status && file < files_.size(); ++file) {
    {
      const std::lock_guard lock(mutex_);
      if (unwanted_) return;
    }
    status = ReadFile(file);
  }
  {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
    finished_ = true;
  }
  changed_.notify_all();
}

}  // namespace octolake::lake
