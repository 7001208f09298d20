// While it lives, this process can open no more than so many files. For tests only.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

namespace octolake {

class FewMoreDescriptors {
 public:
  explicit FewMoreDescriptors(int count) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    std::vector<int> next(static_cast<size_t>(count) + 1);
    for (int& descriptor : next) descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(next.back());
    ::setrlimit(RLIMIT_NOFILE, &few);
    for (const int descriptor : next) ::close(descriptor);
  }
  ~FewMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewMoreDescriptors(const FewMoreDescriptors&) = delete;
  FewMoreDescriptors& operator=(const FewMoreDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace octolake
