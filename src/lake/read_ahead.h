// Reads data files in threads of its own, so that decoding them overlaps with what is done with
// their rows.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "datafile/file_reader.h"
#include "iceberg/scan.h"
#include "iceberg/type.h"
#include "io/file_system.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::lake {

// The batches of scan tasks, task after task, in order; a few of them are read ahead, and of the
// next tasks too where several threads read. Used by one thread. The destructor ends the reading.
class ReadAhead {
 public:
  struct Item {
    size_t file = 0;  // the place of its task in the list; of joined ones, of the first
    std::shared_ptr<arrow::RecordBatch> batch;
  };

  enum class SmallFiles {
    kOneByOne,
    kJoined,  // several at a time, see datafile::OpenScanTasks
  };

  // The file system must outlive this. `columns` and `options` as for datafile::OpenScanTask. Fewer
  // threads, but one, will do; with 0 the caller reads in Next.
  ReadAhead(io::FileSystem& fs, std::vector<iceberg::ScanTask> files, iceberg::Schema columns,
            const datafile::ReadFileOptions& options = {}, int threads = 1,
            SmallFiles small = SmallFiles::kOneByOne);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // A null batch at the end. After an error no later call succeeds.
  Result<Item> Next();

 private:
  // Tasks that are read by one reader.
  struct Run {
    size_t first = 0;  // its place in the list
    size_t count = 0;
  };
  // What was read of a run that is not yet read from.
  struct Ahead {
    std::deque<std::shared_ptr<arrow::RecordBatch>> ready;
    bool finished = false;  // no more will come
    Status status;
  };

  static std::vector<Run> RunsOf(const std::vector<iceberg::ScanTask>& files, SmallFiles small);
  Result<std::unique_ptr<datafile::BatchReader>> Open(size_t run) const;
  void Work();
  Status ReadRun(size_t run);
  // Without a thread.
  Result<Item> ReadNext();
  // False once nobody wants more.
  bool Offer(size_t run, std::shared_ptr<arrow::RecordBatch> batch);

  io::FileSystem& fs_;
  const std::vector<iceberg::ScanTask> files_;
  const std::vector<Run> runs_;
  const iceberg::Schema columns_;
  const datafile::ReadFileOptions options_;
  const bool alone_;        // without threads
  const size_t most_runs_;  // from the current one on, that are read or were
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<size_t, Ahead> ahead_;  // by run
  size_t current_ = 0;             // the run that is read from; without threads, the next
  std::unique_ptr<datafile::BatchReader> reader_;  // without threads, of the run before
  size_t next_ = 0;                                // that nobody has taken up yet
  Status status_;
  bool unwanted_ = false;
  std::vector<std::jthread> threads_;  // the last member: they end before the others go
};

}  // namespace octolake::lake
