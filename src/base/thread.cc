#include "base/thread.h"

#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

namespace octolake {
namespace {

constexpr int kYieldingNice = 10;

}  // namespace

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

void YieldToOthers() {
  // Linux has nice values per thread, and lets anybody have a higher one.
  const auto thread = static_cast<id_t>(::gettid());
  if (::getpriority(PRIO_PROCESS, thread) >= kYieldingNice) return;
  ::setpriority(PRIO_PROCESS, thread, kYieldingNice);
}

}  // namespace octolake
