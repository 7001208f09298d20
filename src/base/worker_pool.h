// Threads that share the parts of one piece of work after another.
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

namespace octolake {

// Used by one thread, which does its share too.
class WorkerPool {
 public:
  // So many threads together with the one that uses it, which is alone for 1 and less; fewer where
  // the system gives no more.
  explicit WorkerPool(int threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Calls `work` for 0 to count - 1, begun in this order and several at a time; returns when all
  // are done. Throws what the first of them threw that did.
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

}  // namespace octolake
