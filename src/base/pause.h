// Waiting that can be ended.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace octolake {

class Pause {
 public:
  virtual ~Pause() = default;
  // Waits; false if it was ended, and at once from then on.
  virtual bool For(int64_t micros) = 0;
};

// Thread-safe.
class EndablePause final : public Pause {
 public:
  bool For(int64_t micros) override {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, std::chrono::microseconds(micros), [this] { return ended_; });
  }
  void End() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

}  // namespace octolake
