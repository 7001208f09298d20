#include "lake/read_ahead.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/thread.h"

namespace octolake::lake {
namespace {

// Of one run; enough to bridge the opening of the next.
constexpr size_t kMaxReady = 3;

}  // namespace

ReadAhead::ReadAhead(io::FileSystem& fs, std::vector<iceberg::ScanTask> files,
                     iceberg::Schema columns, const datafile::ReadFileOptions& options, int threads,
                     SmallFiles small)
    : fs_(fs),
      files_(std::move(files)),
      runs_(RunsOf(files_, small)),
      columns_(std::move(columns)),
      options_(options),
      alone_(threads == 0),
      // Small files that are finished wait for one that takes longer.
      most_runs_(static_cast<size_t>(std::max(threads, 1)) + 1) {
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

std::vector<ReadAhead::Run> ReadAhead::RunsOf(const std::vector<iceberg::ScanTask>& files,
                                              SmallFiles small) {
  std::vector<Run> runs;
  for (size_t first = 0; first < files.size(); first += runs.back().count) {
    const std::span rest = std::span(files).subspan(first);
    runs.push_back({first, small == SmallFiles::kJoined ? datafile::TasksToJoin(rest) : 1});
  }
  return runs;
}

Result<std::unique_ptr<datafile::BatchReader>> ReadAhead::Open(size_t run) const {
  const auto [first, count] = runs_[run];
  if (count == 1) return datafile::OpenScanTask(fs_, files_[first], columns_, options_);
  return datafile::OpenScanTasks(fs_, std::span(files_).subspan(first, count), columns_, options_);
}

Result<ReadAhead::Item> ReadAhead::ReadNext() {
  while (true) {
    if (reader_ == nullptr) {
      if (current_ == runs_.size()) return Item{};
      OCTO_ASSIGN(reader_, Open(current_));
      ++current_;
    }
    OCTO_ASSIGN(auto batch, reader_->Next());
    if (batch != nullptr) return Item{runs_[current_ - 1].first, std::move(batch)};
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
    if (current_ == runs_.size()) return Item{};
    changed_.wait(lock, [this] {
      const auto found = ahead_.find(current_);
      return found != ahead_.end() && (!found->second.ready.empty() || found->second.finished);
    });
    Ahead& run = ahead_[current_];
    if (!run.ready.empty()) {
      Item item{runs_[current_].first, std::move(run.ready.front())};
      run.ready.pop_front();
      lock.unlock();
      changed_.notify_all();
      return item;
    }
    status_ = std::move(run.status);
    ahead_.erase(current_++);
    changed_.notify_all();
  }
}

bool ReadAhead::Offer(size_t run, std::shared_ptr<arrow::RecordBatch> batch) {
  std::unique_lock lock(mutex_);
  auto& ready = ahead_[run].ready;
  changed_.wait(lock, [&] { return ready.size() < kMaxReady || unwanted_; });
  if (unwanted_) return false;
  ready.push_back(std::move(batch));
  lock.unlock();
  changed_.notify_all();
  return true;
}

Status ReadAhead::ReadRun(size_t run) {
  OCTO_ASSIGN(auto reader, Open(run));
  while (true) {
    OCTO_ASSIGN(auto batch, reader->Next());
    if (batch == nullptr || !Offer(run, std::move(batch))) return {};
  }
}

void ReadAhead::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] {
      return unwanted_ || next_ == runs_.size() || next_ < current_ + most_runs_;
    });
    if (unwanted_ || next_ == runs_.size()) return;
    const size_t run = next_++;
    lock.unlock();
    Status status = ReadRun(run);
    lock.lock();
    Ahead& ahead = ahead_[run];
    ahead.status = std::move(status);
    ahead.finished = true;
    changed_.notify_all();
    if (!ahead.status) return;
  }
}

}  // namespace octolake::lake
