// A piece of work with a stack of its own that is run bit by bit in the calling thread: what stands
// for a process, or for a program that goes on beside others, where nothing may depend on threads.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>

namespace octolake::simulation {

class Fiber {
 public:
  // `work` begins with the first Resume. It must not throw.
  explicit Fiber(std::function<void()> work);
  // The work must have ended, or never have begun.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs the work until it gives way or ends. Not to be called from the work of a fiber.
  void Resume();
  bool ended() const { return ended_; }
  // Called by the work: Resume returns, and the next Resume goes on here.
  void GiveWay();

 private:
  // What the C++ runtime knows of exceptions under way, which belongs to a stack, not to a thread
  // ("Caught Exception Stack" in the Itanium C++ ABI).
  struct Exceptions {
    void* caught = nullptr;
    unsigned int uncaught = 0;
  };

  static void Main(unsigned int high, unsigned int low);
  void Run();
  void Switch(ucontext_t& from, ucontext_t& to);

  std::function<void()> work_;
  std::byte* stack_ = nullptr;  // with a page in front of it that ends the program when written to
  size_t stack_bytes_ = 0;
  ucontext_t own_{};
  ucontext_t resumer_{};
  Exceptions exceptions_;
  bool ended_ = false;
  // Of the sanitizers, where the program is built with them.
  void* own_shadow_ = nullptr;
  void* resumer_shadow_ = nullptr;
  const void* resumer_stack_ = nullptr;
  size_t resumer_stack_bytes_ = 0;
};

}  // namespace octolake::simulation
