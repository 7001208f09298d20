// Reads data files in a thread of its own, so that decoding them overlaps with what is done with
// their rows.
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
#include "datafile/file_reader.h"
#include "iceberg/scan.h"
#include "iceberg/type.h"
#include "io/file_system.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::lake {

// The batches of scan tasks, task after task, in order; a few of them are read ahead. Used by one
// thread. The destructor ends the reading.
class ReadAhead {
 public:
  struct Item {
    size_t file = 0;  // the place of its task in the list
    std::shared_ptr<arrow::RecordBatch> batch;
  };

  // The file system must outlive this. `columns` and `options` as for datafile::OpenScanTask.
  ReadAhead(io::FileSystem& fs, std::vector<iceberg::ScanTask> files, iceberg::Schema columns,
            const datafile::ReadFileOptions& options = {}, WorkIn work = WorkIn::kOwnThread);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // A null batch at the end. After an error no later call succeeds.
  Result<Item> Next();

 private:
  void Work();
  Status ReadFile(size_t file);
  // Without a thread.
  Result<Item> ReadNext();
  // False once nobody wants more.
  bool Offer(Item item);

  io::FileSystem& fs_;
  const std::vector<iceberg::ScanTask> files_;
  const iceberg::Schema columns_;
  const datafile::ReadFileOptions options_;
  const WorkIn work_;
  // Of the calling thread, if there is no other.
  size_t next_file_ = 0;
  std::unique_ptr<datafile::BatchReader> reader_;  // of the file before
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> ready_;
  bool finished_ = false;  // no more will come
  bool unwanted_ = false;
  Status status_;
  std::jthread thread_;  // the last member: it ends before the others go
};

}  // namespace octolake::lake
