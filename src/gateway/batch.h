// POST /collect/batch: many events in one body.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "gateway/event_door.h"

namespace octolake::gateway {

struct BatchOptions {
  int threads = 2;
  int64_t max_batch_bytes = 0;  // decompressed
  int64_t max_event_bytes = 0;

  // Of one batch: each takes memory and room in the journal beyond its bytes, and a few bytes of
  // gzip are many thousands of them.
  static constexpr int64_t kLeastBytesAnEvent = 256;
  int64_t max_events() const { return max_batch_bytes / kLeastBytesAnEvent; }
};

// nullopt, or why the body cannot be read: a 415.
std::optional<Response> CheckContentEncoding(const Request& request);

// Reads a batch and gives its events to the door, as fast as the journal takes them. Waits until
// each is durable or refused. Compressed bytes are checked to their end, and events counted, before
// the first one is taken, so that an answer of 400 or 413 means that nothing was. When `must_end`
// says so, the events that were not taken yet are refused with 503.
Response TakeBatch(const Request& request, const BatchOptions& options, EventDoor& door,
                   const std::function<bool()>& must_end);

// Threads for batches, which take longer than a worker may wait.
class BatchPool {
 public:
  BatchPool(const BatchOptions& options, EventDoor& door) : options_(options), door_(door) {}
  // Starts the threads; before the first batch, once. kResourceExhausted if there are not enough.
  Status Begin();
  // What was given has been answered.
  ~BatchPool();

  // Answers the exchange later, or at once with 503 if too many wait.
  void Take(Exchange& exchange);

  // What is not through by then is refused with 503.
  void EndBy(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }

 private:
  void Work();

  const BatchOptions options_;
  EventDoor& door_;
  std::atomic<std::chrono::steady_clock::time_point> deadline_{
      std::chrono::steady_clock::time_point::max()};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Exchange*> waiting_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;  // last: they use the others
};

}  // namespace octolake::gateway
