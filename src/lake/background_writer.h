// Writes record batches in a thread of its own, so that encoding them overlaps with making them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/thread.h"
#include "datafile/table_writer.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::lake {

// At most a few batches wait at a time. Used by one thread; what that thread gave is written in
// the order given. The destructor ends the work, and the writers then remove their files, unless
// Finish succeeded.
class BackgroundWriter {
 public:
  // The file system must outlive this. If no thread can be started, nothing can be written, and
  // Write and Finish say why.
  BackgroundWriter(io::FileSystem& fs, std::vector<std::unique_ptr<datafile::TableWriter>> writers,
                   WorkIn work = WorkIn::kOwnThread);
  ~BackgroundWriter();
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  // Hands a batch to a writer (by its place in the list). Waits while too many are waiting. Returns
  // the error of an earlier write, if there was one; no later call succeeds then.
  Status Write(size_t writer, std::shared_ptr<arrow::RecordBatch> batch);
  // Waits until all is written; the files of each writer, in the order of the list. Call once.
  Result<std::vector<std::vector<iceberg::DataFile>>> Finish();

 private:
  struct Item {
    size_t writer;
    std::shared_ptr<arrow::RecordBatch> batch;
  };

  void Work();

  io::FileSystem& fs_;
  std::vector<std::unique_ptr<datafile::TableWriter>> writers_;  // the thread's, while it lives
  const WorkIn work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> waiting_;
  bool finishing_ = false;  // no more batches will come
  bool abandoned_ = false;  // what waits is not wanted any more
  Status status_;
  std::jthread thread_;  // the last member: it ends before the others go
};

}  // namespace octolake::lake
