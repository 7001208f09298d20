#include "base/random.h"

#include <pthread.h>
#include <sys/random.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace octolake {
namespace {

// Counts forks: a child must not hand out the numbers that its parent has fetched already.
std::atomic<uint64_t> fork_generation{0};

void Refill(void* out, size_t length) {
  auto* bytes = static_cast<unsigned char*>(out);
  while (length > 0) {
    const ssize_t got = getrandom(bytes, length, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      // Identifiers that may repeat would corrupt tables; there is no way to go on.
      std::fprintf(stderr, "octolake: the operating system gives no random numbers: %s\n",
                   std::strerror(errno));
      std::abort();
    }
    bytes += got;
    length -= static_cast<size_t>(got);
  }
}

class OsRandom final : public RandomSource {
 public:
  OsRandom() {
    pthread_atfork(nullptr, nullptr, [] { fork_generation.fetch_add(1); });
  }

  uint64_t Next() override {
    // One system call for 32 numbers: one number is drawn for every event.
    thread_local std::array<uint64_t, 32> pool;
    thread_local size_t used = pool.size();
    thread_local uint64_t generation = 0;
    const uint64_t now = fork_generation.load(std::memory_order_relaxed);
    if (used == pool.size() || generation != now) {
      Refill(pool.data(), sizeof(pool));
      used = 0;
      generation = now;
    }
    return pool[used++];
  }
};

}  // namespace

RandomSource& SystemRandom() {
  static OsRandom random;
  return random;
}

}  // namespace octolake
