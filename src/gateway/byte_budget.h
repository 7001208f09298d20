// A limit on bytes held by all requests together.
#pragma once

#include <atomic>
#include <cstdint>

namespace octolake::gateway {

// Whether it is known, while a body comes, that its sender may send. A webhook's is known by the
// body's signature, when all of it is there.
enum class Sender { kKnown, kUnknown };

// Thread-safe.
class ByteBudget {
 public:
  // Unknown senders have no more than their part of it, so that they cannot take all.
  ByteBudget(int64_t limit, int64_t limit_for_unknown)
      : limit_(limit), limit_for_unknown_(limit_for_unknown) {}

  // False, taking nothing, if that would be too much.
  bool Take(int64_t bytes, Sender sender) {
    if (sender == Sender::kUnknown && !Add(bytes, limit_for_unknown_, used_by_unknown_)) {
      return false;
    }
    if (Add(bytes, limit_, used_)) return true;
    if (sender == Sender::kUnknown) used_by_unknown_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  void Give(int64_t bytes, Sender sender) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    if (sender == Sender::kUnknown) used_by_unknown_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  int64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  static bool Add(int64_t bytes, int64_t limit, std::atomic<int64_t>& used) {
    if (used.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit) return true;
    used.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }

  const int64_t limit_;
  const int64_t limit_for_unknown_;
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> used_by_unknown_{0};
};

}  // namespace octolake::gateway
