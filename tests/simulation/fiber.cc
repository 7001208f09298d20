#include "fiber.h"

#include <cxxabi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace octolake::simulation {
namespace {

// Parquet, Avro and SQLite are content with a tenth of it; the sanitizers need more. Only what is
// used is memory.
constexpr size_t kStackBytes = size_t{2} << 20;

}  // namespace

Fiber::Fiber(std::function<void()> work) : work_(std::move(work)) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  stack_bytes_ = kStackBytes + page;
  void* memory =
      ::mmap(nullptr, stack_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || ::mprotect(memory, page, PROT_NONE) != 0) {
    std::perror("no memory for a stack");
    std::abort();
  }
  stack_ = static_cast<std::byte*>(memory);
  ::getcontext(&own_);
  own_.uc_stack.ss_sp = stack_ + page;
  own_.uc_stack.ss_size = kStackBytes;
  own_.uc_link = nullptr;
  const auto self = reinterpret_cast<uintptr_t>(this);
  // The function's arguments are integers.
  ::makecontext(&own_, reinterpret_cast<void (*)()>(&Fiber::Main), 2,
                static_cast<unsigned int>(self >> 32), static_cast<unsigned int>(self));
#if defined(__SANITIZE_THREAD__)
  own_shadow_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(own_shadow_);
#endif
  ::munmap(stack_, stack_bytes_);
}

void Fiber::Main(unsigned int high, unsigned int low) {
  auto* self = reinterpret_cast<Fiber*>((static_cast<uintptr_t>(high) << 32) | low);
  self->Run();
}

void Fiber::Run() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &resumer_stack_, &resumer_stack_bytes_);
#endif
  work_();
  ended_ = true;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(nullptr, resumer_stack_, resumer_stack_bytes_);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(resumer_shadow_, 0);
#endif
  ::setcontext(&resumer_);
}

void Fiber::Switch(ucontext_t& from, ucontext_t& to) {
  auto* exceptions = reinterpret_cast<Exceptions*>(abi::__cxa_get_globals());
  std::swap(*exceptions, exceptions_);
  ::swapcontext(&from, &to);
}

void Fiber::Resume() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&resumer_shadow_, own_.uc_stack.ss_sp, own_.uc_stack.ss_size);
#endif
#if defined(__SANITIZE_THREAD__)
  resumer_shadow_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(own_shadow_, 0);
#endif
  Switch(resumer_, own_);
  if (ended_) std::swap(*reinterpret_cast<Exceptions*>(abi::__cxa_get_globals()), exceptions_);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(resumer_shadow_, nullptr, nullptr);
#endif
}

void Fiber::GiveWay() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&own_shadow_, resumer_stack_, resumer_stack_bytes_);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(resumer_shadow_, 0);
#endif
  Switch(own_, resumer_);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(own_shadow_, &resumer_stack_, &resumer_stack_bytes_);
#endif
}

}  // namespace octolake::simulation
