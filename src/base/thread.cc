#include "base/thread.h"

#include <string>
#include <system_error>
#include <utility>

namespace octolake {

Result<std::jthread> StartThread(std::string_view what_for, std::function<void()> work) {
  try {
    return std::jthread(std::move(work));
  } catch (const std::system_error& error) {
    return MakeError(ErrorKind::kResourceExhausted,
                     "no thread can be started " + std::string(what_for) + ": " +
                         error.code().message() +
                         "; end other programs, or raise the limits on processes and memory");
  }
}

}  // namespace octolake
