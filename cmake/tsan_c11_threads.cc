// C11's threads through POSIX's, in programs under the thread sanitizer. librdkafka uses the
// former, which the sanitizer does not intercept: what it does not know to be a thread crashes in
// it at the first call, and locks that it cannot see make races of what they guard. glibc has the
// one as the other inside, objects and all, so that both can be mixed.
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <new>

namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t));
static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t));

struct Start {
  thrd_start_t function;
  void* argument;
};

void* Run(void* given) {
  auto* const owned = static_cast<Start*>(given);
  const Start start = *owned;
  delete owned;
  return reinterpret_cast<void*>(static_cast<intptr_t>(start.function(start.argument)));
}

int StatusOf(int error) {
  switch (error) {
    case 0:
      return thrd_success;
    case ENOMEM:
    case EAGAIN:
      return thrd_nomem;
    case ETIMEDOUT:
      return thrd_timedout;
    case EBUSY:
      return thrd_busy;
    default:
      return thrd_error;
  }
}

pthread_mutex_t* Posix(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* Posix(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  auto* const start = new (std::nothrow) Start{function, argument};
  if (start == nullptr) return thrd_nomem;
  const int error = pthread_create(thread, nullptr, Run, start);
  if (error != 0) delete start;
  return StatusOf(error);
}

int thrd_join(thrd_t thread, int* result) {
  void* returned = nullptr;
  const int error = pthread_join(thread, &returned);
  if (result != nullptr) *result = static_cast<int>(reinterpret_cast<intptr_t>(returned));
  return StatusOf(error);
}

int mtx_lock(mtx_t* mutex) { return StatusOf(pthread_mutex_lock(Posix(mutex))); }
int mtx_trylock(mtx_t* mutex) { return StatusOf(pthread_mutex_trylock(Posix(mutex))); }
int mtx_unlock(mtx_t* mutex) { return StatusOf(pthread_mutex_unlock(Posix(mutex))); }
void mtx_destroy(mtx_t* mutex) { pthread_mutex_destroy(Posix(mutex)); }

int cnd_signal(cnd_t* condition) { return StatusOf(pthread_cond_signal(Posix(condition))); }
int cnd_broadcast(cnd_t* condition) { return StatusOf(pthread_cond_broadcast(Posix(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return StatusOf(pthread_cond_wait(Posix(condition), Posix(mutex)));
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return StatusOf(pthread_cond_timedwait(Posix(condition), Posix(mutex), until));
}
void cnd_destroy(cnd_t* condition) { pthread_cond_destroy(Posix(condition)); }

}  // extern "C"
