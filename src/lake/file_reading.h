// One file of a load, read and parsed in a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "event/event_reader.h"
#include "lake/input_file.h"
#include "lake/load.h"
#include "lake/loaded_files.h"

namespace octolake::lake {

struct GroupFile {
  size_t index = 0;  // of its report
  std::string name;  // as it was given
  std::string path;  // where it is read
  InputInfo info;
  std::string sha256;  // known from a first reading; empty if only one is to be
};

// What became of a file. Only what is kLoaded or kPartial is in Bronze.
struct GroupResult {
  size_t index = 0;
  FileReport::Outcome outcome = FileReport::Outcome::kLoaded;
  LoadedFile file;
  std::string error;

  void Fail(std::string why) {
    outcome = FileReport::Outcome::kFailed;
    error = std::move(why);
  }
};

// At most a few batches are read ahead of whoever takes them. Used by one thread; the destructor
// ends the work. Nothing that goes wrong with one file touches another.
class FileReading {
 public:
  // The ingestion timestamp of the options is the file's loaded_at. With `decompress_apart` there
  // is a third thread, for decompression.
  FileReading(GroupFile file, event::ReadOptions options, bool decompress_apart);
  ~FileReading();
  FileReading(const FileReading&) = delete;
  FileReading& operator=(const FileReading&) = delete;

  // Waits for the next batch, which has no trace ids yet; nullopt once all were given.
  std::optional<event::EventBatch> Next();
  // After Next gave nullopt; once. Outcomes are kLoaded, kPartial and kFailed.
  GroupResult TakeResult() { return std::move(result_); }
  int64_t bytes_read() const { return bytes_read_.load(std::memory_order_relaxed); }  // as stored

 private:
  void Work();
  void ReadFile();
  void ReadEvents(HashedInput& input);
  bool HasChanged(const std::string& digest, int64_t bytes_read) const;
  bool Give(event::EventBatch batch);

  const GroupFile file_;
  const event::ReadOptions options_;
  const bool decompress_apart_;
  std::atomic<int64_t> bytes_read_ = 0;
  GroupResult result_;  // the thread's until it has ended

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<event::EventBatch> waiting_;
  bool ended_ = false;
  bool abandoned_ = false;
  std::jthread thread_;  // the last member: it ends before the others go
};

}  // namespace octolake::lake
