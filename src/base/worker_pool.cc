#include "base/worker_pool.h"

#include <utility>

#include "base/thread.h"

namespace octolake {

WorkerPool::WorkerPool(int threads) {
  for (int i = 1; i < threads; ++i) {
    auto thread = StartThread("to share work", [this] { Wait(); });
    if (!thread) break;
    threads_.push_back(*std::move(thread));
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
}

void WorkerPool::WorkOn(const std::function<void(size_t)>& work, size_t count) {
  try {
    for (size_t i = next_++; i < count; i = next_++) work(i);
  } catch (...) {
    next_ = count;
    const std::lock_guard lock(mutex_);
    if (failure_ == nullptr) failure_ = std::current_exception();
  }
}

void WorkerPool::Wait() {
  uint64_t done = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return round_ != done || ending_; });
    if (ending_) return;
    done = round_;
    const auto& work = *work_;
    const size_t count = count_;
    lock.unlock();
    WorkOn(work, count);
    lock.lock();
    if (--busy_ == 0) changed_.notify_all();
  }
}

void WorkerPool::ForEach(size_t count, const std::function<void(size_t)>& work) {
  {
    const std::lock_guard lock(mutex_);
    work_ = &work;
    count_ = count;
    next_ = 0;
    busy_ = threads_.size();
    ++round_;
  }
  if (!threads_.empty()) changed_.notify_all();
  WorkOn(work, count);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return busy_ == 0; });
  if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace octolake
