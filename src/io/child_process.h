// Runs another program to its end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace octolake::io {

struct ChildCommand {
  // The program first: a path, or a name that is looked for in $PATH. No shell reads them.
  std::vector<std::string> arguments;
  // Beside what this process has.
  std::vector<std::pair<std::string, std::string>> environment;
  // Takes what it writes to stdout and stderr, line by line, without their ends; by the thread that
  // called. A line longer than kMaxChildLine comes in pieces.
  std::function<void(std::string_view line)> on_line;
  // Asks it to end, by SIGTERM; what has not ended after the grace is killed.
  std::stop_token stop;
  std::chrono::milliseconds grace{5'000};
};
inline constexpr size_t kMaxChildLine = 8 << 10;

struct ChildEnd {
  int exit_status = 0;  // if no signal ended it
  int signal = 0;
  bool asked_to_end = false;  // before it did
  double cpu_seconds = 0;
  int64_t peak_memory_bytes = 0;
  std::string last_line;  // that is not empty
};

// Its stdin is empty, it has no descriptor but those three, default signals, and a process group of
// its own, to which the signals go; it is killed when this process dies. What others of its group
// write after its end is not waited for, unless they were asked to end with it: then until the
// grace is over. kNotFound if there is no such program, kIo and others if it cannot be started, or
// its exit status cannot be learned, as where this process ignores SIGCHLD.
Result<ChildEnd> RunChild(const ChildCommand& command);

}  // namespace octolake::io
