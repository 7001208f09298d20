#include "io/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "base/string_util.h"
#include "io/descriptor.h"
#include "io/errno_error.h"

namespace octolake::io {
namespace {

using Clock = std::chrono::steady_clock;

// How often it is looked whether it is to end, or has ended and left its output to others.
constexpr int kLookMillis = 50;
constexpr int kFirstOtherDescriptor = 3;
constexpr unsigned kCloseOnExec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, which old headers lack

struct Pipe {
  Descriptor read;
  Descriptor write;
};

// Whoever started this process may have closed its stdin, stdout or stderr; what took their place
// would be overwritten in the new process, which puts its own there.
Result<Descriptor> BehindStandardOnes(Descriptor descriptor) {
  if (descriptor.get() >= kFirstOtherDescriptor) return descriptor;
  const int other = ::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, kFirstOtherDescriptor);
  if (other < 0) return ErrnoError(errno, "duplicate", "a descriptor");
  return Descriptor(other);
}

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return ErrnoError(errno, "make", "a pipe");
  Descriptor read(ends[0]);
  Descriptor write(ends[1]);
  OCTO_ASSIGN(read, BehindStandardOnes(std::move(read)));
  OCTO_ASSIGN(write, BehindStandardOnes(std::move(write)));
  return Pipe{std::move(read), std::move(write)};
}

Result<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  for (const std::string& directory : SplitList(path == nullptr ? "" : path, ':')) {
    std::string candidate = directory + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return MakeError(ErrorKind::kNotFound, "there is no program '" + name + "' in $PATH");
}

std::vector<std::string> EnvironmentWith(
    const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> all;
  for (char** item = environ; item != nullptr && *item != nullptr; ++item) {
    const std::string_view text(*item);
    const std::string_view name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(more.begin(), more.end(),
                                      [&](const auto& entry) { return entry.first == name; });
    if (!replaced) all.emplace_back(text);
  }
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What the new process needs: it may not take memory before it is another program.
struct Start {
  const char* program;
  char* const* arguments;
  char* const* environment;
  int input;
  int output;
  int failure;  // where the errno of a start that failed goes
  pid_t parent;
};

[[noreturn]] void BecomeProgram(const Start& start) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != start.parent) ::_exit(127);  // it has died meanwhile
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const bool ready = ::dup2(start.input, STDIN_FILENO) >= 0 &&
                     ::dup2(start.output, STDOUT_FILENO) >= 0 &&
                     ::dup2(start.output, STDERR_FILENO) >= 0;
  // Not every library opens its descriptors for this process alone: sockets stay open otherwise.
  if (ready && ::syscall(SYS_close_range, kFirstOtherDescriptor, ~0U, kCloseOnExec) != 0) {
    for (long fd = ::sysconf(_SC_OPEN_MAX) - 1; fd >= kFirstOtherDescriptor; --fd) {
      ::fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC);
    }
  }
  if (ready) ::execve(start.program, start.arguments, start.environment);
  const int error = errno;
  [[maybe_unused]] const auto told = ::write(start.failure, &error, sizeof(error));
  ::_exit(127);
}

// Cuts what comes into lines.
class Lines {
 public:
  explicit Lines(const std::function<void(std::string_view)>& on_line) : on_line_(on_line) {}

  void Add(std::string_view bytes) {
    for (const char byte : bytes) {
      if (byte != '\n') rest_ += byte;
      if (byte == '\n' || rest_.size() == kMaxChildLine) End();
    }
  }
  void End() {
    if (rest_.ends_with('\r')) rest_.pop_back();
    if (rest_.empty()) return;
    if (on_line_) on_line_(rest_);
    last_ = std::exchange(rest_, {});
  }
  const std::string& last() const { return last_; }

 private:
  const std::function<void(std::string_view)>& on_line_;
  std::string rest_;
  std::string last_;
};

class Child {
 public:
  explicit Child(const ChildCommand& command) : command_(command), lines_(command.on_line) {}

  Status Begin();
  Result<ChildEnd> WaitForEnd();

 private:
  bool HasEnded() const;
  // Both keep in mind whether there may be more.
  void ReadOutput(int wait_millis);
  void ReadWhatIsThere();
  void AskToEnd();
  void WaitForLeader();
  void WaitForGroup();

  const ChildCommand& command_;
  Lines lines_;
  pid_t pid_ = 0;
  Descriptor output_;
  bool more_ = true;                          // nobody has seen the output's end
  int64_t bytes_read_ = 0;                    // of the output
  std::optional<Clock::time_point> kill_at_;  // once it was asked to end
};

Status Child::Begin() {
  if (command_.arguments.empty() || command_.arguments.front().empty()) {
    return MakeError(ErrorKind::kInvalidArgument, "a command without a program");
  }
  OCTO_ASSIGN(const std::string program, FindProgram(command_.arguments.front()));
  std::vector<std::string> arguments = command_.arguments;
  std::vector<std::string> environment = EnvironmentWith(command_.environment);
  OCTO_ASSIGN(Pipe output, MakePipe());
  OCTO_ASSIGN(Pipe failure, MakePipe());
  Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (nothing.get() < 0) return ErrnoError(errno, "open", "/dev/null");
  OCTO_ASSIGN(nothing, BehindStandardOnes(std::move(nothing)));
  const std::vector<char*> argument_pointers = Pointers(arguments);
  const std::vector<char*> environment_pointers = Pointers(environment);
  const Start start{program.c_str(), argument_pointers.data(), environment_pointers.data(),
                    nothing.get(),   output.write.get(),       failure.write.get(),
                    ::getpid()};
  pid_ = ::fork();
  if (pid_ < 0) return ErrnoError(errno, "start", program);
  if (pid_ == 0) BecomeProgram(start);
  output_ = std::move(output.read);
  failure.write = Descriptor();
  int error = 0;
  ssize_t told = 0;
  do {
    told = ::read(failure.read.get(), &error, sizeof(error));
  } while (told < 0 && errno == EINTR);
  if (told != sizeof(error)) {
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    return {};
  }
  ::waitpid(pid_, nullptr, 0);
  return ErrnoError(error, "start", program);
}

bool Child::HasEnded() const {
  siginfo_t info{};
  // It stays to be waited for: its number, and that of its group, are not given to others yet.
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
    return info.si_pid == pid_;
  }
  return errno != EINTR;  // somebody else has waited for it
}

void Child::ReadOutput(int wait_millis) {
  pollfd waited{output_.get(), POLLIN, 0};
  if (::poll(&waited, 1, wait_millis) <= 0) return;
  std::array<char, 16 << 10> bytes{};
  const ssize_t count = ::read(output_.get(), bytes.data(), bytes.size());
  more_ = count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
  if (count <= 0) return;
  bytes_read_ += count;
  lines_.Add({bytes.data(), static_cast<size_t>(count)});
}

// No more than that: others of the group may write without end.
void Child::ReadWhatIsThere() {
  int there = 0;
  if (::ioctl(output_.get(), FIONREAD, &there) != 0) return;
  for (const int64_t end = bytes_read_ + there; more_ && bytes_read_ < end;) ReadOutput(0);
}

void Child::AskToEnd() {
  const Clock::time_point now = Clock::now();
  if (!kill_at_) {
    kill_at_ = now + command_.grace;
    ::kill(-pid_, SIGTERM);
  } else if (now >= *kill_at_) {
    ::kill(-pid_, SIGKILL);
  }
}

void Child::WaitForLeader() {
  int pause_millis = 1;
  while (!HasEnded()) {
    if (command_.stop.stop_requested()) AskToEnd();
    if (more_) {
      ReadOutput(kLookMillis);
    } else {
      // It has closed its output: most are about to end then, but some go on for long.
      ::poll(nullptr, 0, pause_millis);
      pause_millis = std::min(2 * pause_millis, kLookMillis);
    }
  }
}

// Those that were asked to end with it have their grace, too, as long as they keep its output open.
// Of others, what they write later is not waited for.
void Child::WaitForGroup() {
  if (kill_at_) {
    while (more_ && Clock::now() < *kill_at_) ReadOutput(kLookMillis);
    ::kill(-pid_, SIGKILL);
  }
  ReadWhatIsThere();
}

Result<ChildEnd> Child::WaitForEnd() {
  WaitForLeader();
  WaitForGroup();
  lines_.End();
  int status = 0;
  rusage used{};
  while (::wait4(pid_, &status, 0, &used) < 0) {
    if (errno == EINTR) continue;
    return ErrnoError(errno, "learn the exit status of", command_.arguments.front());
  }
  ChildEnd end;
  end.asked_to_end = kill_at_.has_value();
  if (WIFEXITED(status)) end.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  end.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  end.peak_memory_bytes = int64_t{used.ru_maxrss} << 10;
  end.last_line = lines_.last();
  return end;
}

}  // namespace

Result<ChildEnd> RunChild(const ChildCommand& command) {
  Child child(command);
  OCTO_TRY(child.Begin());
  return child.WaitForEnd();
}

}  // namespace octolake::io
