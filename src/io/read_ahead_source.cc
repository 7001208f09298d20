#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/thread.h"
#include "io/byte_source.h"

namespace octolake::io {
namespace {

// Together small enough to stay in the processor's cache on the way from thread to thread.
constexpr size_t kChunkBytes = size_t{128} << 10;
constexpr size_t kChunks = 4;

class ReadAheadSource final : public ByteSource {
 public:
  explicit ReadAheadSource(std::unique_ptr<ByteSource> input) : input_(std::move(input)) {
    for (Chunk& chunk : chunks_) chunk.bytes.resize(kChunkBytes);
    auto thread = StartThread("to read ahead", [this] { Work(); });
    if (thread) {
      thread_ = *std::move(thread);
    } else {
      error_ = std::move(thread).error();
      ended_ = true;
    }
  }

  ~ReadAheadSource() override {
    {
      const std::lock_guard lock(mutex_);
      abandoned_ = true;
    }
    changed_.notify_all();
  }

  Result<int64_t> Read(char* out, int64_t capacity) override {
    if (capacity <= 0) return 0;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return filled_ > 0 || ended_; });
    if (filled_ == 0) {
      if (error_) return tl::unexpected(*error_);
      return 0;
    }
    lock.unlock();
    // The chunk is this thread's until it is given back.
    Chunk& chunk = chunks_[first_];
    const size_t count = std::min(static_cast<size_t>(capacity), chunk.size - taken_);
    std::memcpy(out, chunk.bytes.data() + taken_, count);
    taken_ += count;
    if (taken_ == chunk.size) GiveBack();
    return static_cast<int64_t>(count);
  }

  int64_t consumed() const override { return consumed_.load(std::memory_order_relaxed); }

 private:
  struct Chunk {
    std::vector<char> bytes;
    size_t size = 0;
  };

  void GiveBack() {
    taken_ = 0;
    first_ = (first_ + 1) % kChunks;
    {
      const std::lock_guard lock(mutex_);
      --filled_;
    }
    changed_.notify_all();
  }

  void Work() {
    for (size_t next = 0;; next = (next + 1) % kChunks) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return filled_ < kChunks || abandoned_; });
        if (abandoned_) return;
      }
      const std::optional<Error> error = Fill(chunks_[next]);
      const bool end = error || chunks_[next].size < kChunkBytes;
      {
        const std::lock_guard lock(mutex_);
        if (chunks_[next].size > 0) ++filled_;
        error_ = error;
        ended_ = end;
      }
      changed_.notify_all();
      if (end) return;
    }
  }

  // Fills the chunk up, unless the input ends or fails.
  std::optional<Error> Fill(Chunk& chunk) {
    chunk.size = 0;
    while (chunk.size < kChunkBytes) {
      auto got = input_->Read(chunk.bytes.data() + chunk.size,
                              static_cast<int64_t>(kChunkBytes - chunk.size));
      consumed_.store(input_->consumed(), std::memory_order_relaxed);
      if (!got) return std::move(got).error();
      if (*got == 0) return std::nullopt;
      chunk.size += static_cast<size_t>(*got);
    }
    return std::nullopt;
  }

  std::unique_ptr<ByteSource> input_;
  std::atomic<int64_t> consumed_ = 0;
  std::array<Chunk, kChunks> chunks_;  // a ring; each belongs to one of the threads at a time
  size_t first_ = 0;                   // the reader's: where it is
  size_t taken_ = 0;                   // the reader's: bytes of that chunk read already

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t filled_ = 0;
  bool ended_ = false;
  bool abandoned_ = false;
  std::optional<Error> error_;  // after the filled chunks
  std::jthread thread_;         // the last member: it ends before the others go
};

}  // namespace

std::unique_ptr<ByteSource> MakeReadAheadSource(std::unique_ptr<ByteSource> input) {
  return std::make_unique<ReadAheadSource>(std::move(input));
}

}  // namespace octolake::io
