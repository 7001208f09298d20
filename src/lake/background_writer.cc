#include "lake/background_writer.h"

#include <arrow/record_batch.h>

#include <utility>

namespace octolake::lake {
namespace {

// Batches are about 1 MiB: enough to bridge a writer's flush, little enough to hold.
constexpr size_t kMaxWaiting = 4;

}  // namespace

BackgroundWriter::BackgroundWriter(io::FileSystem& fs,
                                   std::vector<std::unique_ptr<datafile::TableWriter>> writers,
                                   WorkIn work)
    : fs_(fs), writers_(std::move(writers)), work_(work) {
  if (work_ == WorkIn::kCallersThread) return;
  auto thread = StartThread("to write data files", [this] { Work(); });
  if (thread) {
    thread_ = *std::move(thread);
  } else {
    status_ = tl::unexpected<Error>(std::move(thread).error());
  }
}

BackgroundWriter::~BackgroundWriter() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    finishing_ = true;
  }
  changed_.notify_all();
}

Status BackgroundWriter::Write(size_t writer, std::shared_ptr<arrow::RecordBatch> batch) {
  if (work_ == WorkIn::kCallersThread) {
    if (status_) status_ = writers_[writer]->Write(*batch);
    return status_;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size() < kMaxWaiting || !status_; });
  if (!status_) return status_;
  waiting_.push_back({writer, std::move(batch)});
  lock.unlock();
  changed_.notify_all();
  return {};
}

Result<std::vector<std::vector<iceberg::DataFile>>> BackgroundWriter::Finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  OCTO_TRY(status_);
  std::vector<std::vector<iceberg::DataFile>> files;
  for (const auto& writer : writers_) {
    auto finished = writer->Finish();
    if (!finished) {
      for (const auto& written : files) datafile::RemoveFiles(fs_, written);
      return tl::unexpected(std::move(finished).error());
    }
    files.push_back(std::move(finished).value());
  }
  return files;
}

void BackgroundWriter::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !waiting_.empty() || finishing_; });
    if (abandoned_ || waiting_.empty()) return;
    const Item item = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    changed_.notify_all();
    Status written = writers_[item.writer]->Write(*item.batch);
    lock.lock();
    if (!written) {
      status_ = std::move(written);
      changed_.notify_all();
      return;
    }
  }
}

}  // namespace octolake::lake
