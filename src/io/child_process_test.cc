#include "io/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>

#include "base/temp_directory_for_test.h"
#include "io/descriptor.h"

namespace octolake::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ChildProcessTest : public ::testing::Test {
 protected:
  // Runs a script, and keeps its lines.
  Result<ChildEnd> Shell(const std::string& script) {
    command_.arguments = {"sh", "-c", script};
    return Run();
  }
  Result<ChildEnd> Run() {
    command_.stop = stop_.get_token();
    command_.on_line = [this](std::string_view line) {
      lines_.emplace_back(line);
      if (line == "stop me") stop_.request_stop();
    };
    return RunChild(command_);
  }

  ChildCommand command_;
  std::stop_source stop_;
  std::vector<std::string> lines_;
};

TEST_F(ChildProcessTest, LinesOfBothOutputsAndExitStatusAreKept) {
  const auto end = Shell("echo one; echo two >&2; echo; printf 'three\\r\\nfour'; exit 3");
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->exit_status, 3);
  EXPECT_EQ(end->signal, 0);
  EXPECT_THAT(lines_, ElementsAre("one", "two", "three", "four"));
  EXPECT_EQ(end->last_line, "four");
  EXPECT_FALSE(end->asked_to_end);
  EXPECT_GT(end->peak_memory_bytes, 100'000);
  EXPECT_GE(end->cpu_seconds, 0);
}

TEST_F(ChildProcessTest, ArgumentsAreNotReadByAShell) {
  command_.arguments = {"printf", "%s\\n", "$HOME *", "a'b", ""};
  ASSERT_TRUE(Run());
  EXPECT_THAT(lines_, ElementsAre("$HOME *", "a'b"));
}

TEST_F(ChildProcessTest, EnvironmentIsThisOnesAndMore) {
  ::setenv("OCTO_CHILD_A", "old", 1);
  ::setenv("OCTO_CHILD_B", "kept", 1);
  command_.environment = {{"OCTO_CHILD_A", "new"}};
  ASSERT_TRUE(Shell("echo $OCTO_CHILD_A $OCTO_CHILD_B"));
  EXPECT_THAT(lines_, ElementsAre("new kept"));
}

TEST_F(ChildProcessTest, HasNothingOfThisProcess) {
  const Descriptor inherited(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  const sighandler_t before = std::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t mask_before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &mask_before);
  // 3 is of the listing itself. Blocked and ignored signals: none.
  const auto end = Shell(
      "ls /proc/self/fd | tr '\\n' ' '; echo; "
      "grep -E 'Sig(Blk|Ign)' /proc/self/status | cut -f 2; cat");
  pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
  std::signal(SIGPIPE, before);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_status, 0);
  EXPECT_THAT(lines_, ElementsAre("0 1 2 3 ", "0000000000000000", "0000000000000000"));
}

TEST_F(ChildProcessTest, SignalThatEndedItIsTold) {
  const auto end = Shell("kill -TERM $$");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->signal, SIGTERM);
}

// The shell would say that what it waits for was ended, too.
TEST_F(ChildProcessTest, AskedToEndItMayTidyUp) {
  const auto end = Shell(
      "exec 2>/dev/null; trap 'echo tidied; exit 5' TERM; tail -f /dev/null & echo stop me; wait");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_status, 5);
  EXPECT_TRUE(end->asked_to_end);
  EXPECT_THAT(lines_, ElementsAre("stop me", "tidied"));
}

// Those that it started, too, though they do not listen.
TEST_F(ChildProcessTest, WhatDoesNotEndIsKilled) {
  command_.grace = std::chrono::milliseconds(20);
  const auto end = Shell("trap '' TERM; sh -c 'echo $$; echo stop me; exec tail -f /dev/null'");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->signal, SIGKILL);
  ASSERT_EQ(lines_.size(), 2U);
  // Gone, or its end can be read, also while it waits for init to notice.
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(lines_[0]), 0)));
  if (process.get() < 0) {
    EXPECT_EQ(errno, ESRCH);
  } else {
    pollfd end_of_it{.fd = process.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&end_of_it, 1, 60'000), 1) << "it goes on";
  }
}

TEST_F(ChildProcessTest, OutputThatOthersKeepOpenIsNotWaitedFor) {
  const auto end = Shell("tail -f /dev/null & echo $!");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_status, 0);
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(::kill(std::stoi(lines_[0]), SIGKILL), 0);  // it was left alone
}

TEST_F(ChildProcessTest, OutputWithoutEndOfOthersIsNotReadForEver) {
  size_t lines = 0;
  command_.on_line = [&](std::string_view) { ++lines; };
  command_.arguments = {"sh", "-c", "yes & exit 3"};
  const auto end = RunChild(command_);  // whose pipe is closed then, which ends the other
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_status, 3);
}

// The shell ends at once, and what it runs has its grace all the same: it tidies up when the shell
// is gone, or waits for its parent to notice.
TEST_F(ChildProcessTest, AskedToEndOthersOfTheGroupMayTidyUp) {
  const auto end = Shell(
      "sh -c 'ended() { ! [ -e /proc/$PPID ] || grep -q \"^State:.Z\" /proc/$PPID/status; }; "
      "trap \"until ended; do :; done; echo tidied; exit 0\" TERM; "
      "tail -f /dev/null & echo stop me; wait' 2>/dev/null; true");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->signal, SIGTERM);
  EXPECT_THAT(lines_, ElementsAre("stop me", "tidied"));
}

TEST_F(ChildProcessTest, MayCloseItsOutputAndGoOn) {
  const TempDirectory directory;
  const std::string pipe = directory.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  // Opening a pipe to write waits for who reads it: the child, when it has closed its output.
  std::thread allows_end([&] { const Descriptor opened(::open(pipe.c_str(), O_WRONLY)); });
  const auto end = Shell("exec >/dev/null 2>&1; cat '" + pipe + "'; exit 4");
  allows_end.join();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_status, 4);
}

TEST_F(ChildProcessTest, AnExitStatusThatIsLostIsAnError) {
  const sighandler_t before = std::signal(SIGCHLD, SIG_IGN);
  const auto end = Shell("exit 3");
  std::signal(SIGCHLD, before);
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message, HasSubstr("cannot learn the exit status of sh"));
}

// As where a daemon is started without stdin, stdout and stderr.
TEST_F(ChildProcessTest, ClosedStandardDescriptorsDoNotMatter) {
  std::array<Descriptor, 3> kept;
  for (int fd = 0; fd < 3; ++fd) {
    kept[static_cast<size_t>(fd)] = Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 10));
    ::close(fd);
  }
  const auto end = Shell("echo one; echo two >&2; cat; exit 3");
  command_.arguments = {"/no/such/program"};
  const auto missing = Run();
  for (int fd = 0; fd < 3; ++fd) ::dup2(kept[static_cast<size_t>(fd)].get(), fd);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->exit_status, 3);
  EXPECT_THAT(lines_, ElementsAre("one", "two"));
  EXPECT_FALSE(missing);
}

TEST_F(ChildProcessTest, LongLinesComeInPieces) {
  const auto end = Shell("head -c 20000 /dev/zero | tr '\\0' x; echo");
  ASSERT_TRUE(end);
  ASSERT_EQ(lines_.size(), 3U);
  EXPECT_EQ(lines_[0], std::string(kMaxChildLine, 'x'));
  EXPECT_EQ(lines_[2].size(), 20'000 - 2 * kMaxChildLine);
}

TEST_F(ChildProcessTest, WhatCannotBeStartedIsNamed) {
  command_.arguments = {"no-such-program-anywhere"};
  auto end = Run();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(end.error().message, HasSubstr("no-such-program-anywhere"));
  command_.arguments = {"/no/such/program"};
  end = Run();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(end.error().message, HasSubstr("cannot start /no/such/program"));
  command_.arguments = {"/etc/passwd"};
  end = Run();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::kIo);
  command_.arguments = {};
  EXPECT_EQ(Run().error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace octolake::io
