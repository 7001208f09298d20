// Threads that share the columns of a batch. Internal to datafile/.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace octolake::datafile {

// Used by one thread, which does its share too.
class ColumnWorkers {
 public:
  // Fewer threads where the system gives no more.
  explicit ColumnWorkers(int threads);
  ~ColumnWorkers();
  ColumnWorkers(const ColumnWorkers&) = delete;
  ColumnWorkers& operator=(const ColumnWorkers&) = delete;

  // Calls `work` for 0 to count - 1, in any order and several at a time; returns when all are done.
  // Throws what the first of them threw that did.
  void ForEach(size_t count, const std::function<void(size_t)>& work);

 private:
  void Wait();
  void WorkOn(const std::function<void(size_t)>& work, size_t count);

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void(size_t)>* work_ = nullptr;  // of the round
  size_t count_ = 0;
  std::atomic<size_t> next_ = 0;
  uint64_t round_ = 0;
  size_t busy_ = 0;  // threads that have not finished the round
  std::exception_ptr failure_;
  bool ending_ = false;
  std::vector<std::jthread> threads_;  // the last member: they end before the others go
};

}  // namespace octolake::datafile
