// What a producer counts, for metrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace octolake::kafka {

// Counts of values up to each bound, and of all.
template <size_t kBounds>
struct Histogram {
  std::array<double, kBounds> bounds{};
  std::array<int64_t, kBounds + 1> counts{};  // the last of values beyond all bounds
  double sum = 0;

  void Add(double value) {
    size_t i = 0;
    while (i < kBounds && value > bounds[i]) ++i;
    ++counts[i];
    sum += value;
  }
};

struct SendFigures {
  Histogram<9> batch_events{{1, 10, 50, 100, 500, 1000, 5000, 10'000, 50'000}, {}, 0};
  Histogram<10> send_seconds{{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60}, {}, 0};
  Histogram<8> encode_seconds{{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5}, {}, 0};
  int64_t batches = 0;
  int64_t messages = 0;  // of the events' topic
  int64_t events = 0;
  int64_t bytes = 0;      // of messages
  int64_t rejected = 0;   // documents that are no events
  int64_t too_large = 0;  // events that no message can hold
  int64_t reconnects = 0;
};

// Thread-safe.
class SendMetrics {
 public:
  template <typename Change>
  void Update(const Change& change) {
    const std::lock_guard lock(mutex_);
    change(figures_);
  }
  SendFigures Figures() const {
    const std::lock_guard lock(mutex_);
    return figures_;
  }

 private:
  mutable std::mutex mutex_;
  SendFigures figures_;
};

}  // namespace octolake::kafka
