// Threads: starting them without exceptions, and letting some go first.
#pragma once

#include <functional>
#include <string_view>
#include <thread>

#include "base/result.h"

namespace octolake {

// Where work is done that could go on beside the caller's.
enum class WorkIn {
  kOwnThread,
  // Piece by piece, as its results are asked for: no other thread is started, and everything
  // happens in an order that can be repeated.
  kCallersThread
};

// A thread that runs `work`, which must not throw; it is joined at the latest when the object goes.
// kResourceExhausted, saying what it was for, if the system gives no more threads or memory for
// their stacks.
Result<std::jthread> StartThread(std::string_view what_for, std::function<void()> work);

// From now on the calling thread, and the threads it starts, leave the processor to the others of
// this process and machine where they want it (a nice value of at least 10).
void YieldToOthers();

}  // namespace octolake
