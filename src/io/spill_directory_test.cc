#include "io/spill_directory.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/temp_directory_for_test.h"

namespace octolake::io {
namespace {

namespace fs = std::filesystem;

class SpillDirectoryTest : public ::testing::Test {
 protected:
  // What DuckDB does when it spills.
  static void Spill(const SpillDirectory& spill) {
    fs::create_directory(spill.path());
    std::ofstream(spill.path() + "/duckdb_temp_storage-0.tmp") << "rows";
  }

  const TempDirectory temp_;
  const std::string directory_ = temp_.path();
  const std::string parent_ = directory_ + "/tmp";
};

TEST_F(SpillDirectoryTest, GoesWithItsSession) {
  {
    SpillDirectory spill(parent_);
    Spill(spill);
    const SpillDirectory moved(std::move(spill));
    EXPECT_TRUE(fs::exists(moved.path()));
  }
  EXPECT_TRUE(fs::is_empty(parent_));
}

TEST_F(SpillDirectoryTest, OfTheLivingStay) {
  const SpillDirectory first(parent_);
  Spill(first);
  const SpillDirectory second(parent_);
  EXPECT_NE(first.path(), second.path());
  EXPECT_TRUE(fs::exists(first.path() + "/duckdb_temp_storage-0.tmp"));
}

TEST_F(SpillDirectoryTest, OfTheDeadAreRemoved) {
  const pid_t child = ::fork();
  if (child == 0) {
    const SpillDirectory spill(parent_);
    Spill(spill);
    ::raise(SIGKILL);
  }
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_FALSE(fs::is_empty(parent_));
  fs::create_directory(parent_ + "/spill-of-another-program");
  { const SpillDirectory next(parent_); }
  EXPECT_TRUE(fs::remove(parent_ + "/spill-of-another-program"));
  EXPECT_TRUE(fs::is_empty(parent_));
}

TEST_F(SpillDirectoryTest, ItIsNamedWhereItCannotBeMade) {
  std::ofstream(directory_ + "/file") << "in the way";
  const SpillDirectory spill(directory_ + "/file/tmp");
  EXPECT_TRUE(spill.path().starts_with(directory_ + "/file/tmp/spill-"));
  EXPECT_EQ(SpillDirectory("").path(), "");
}

}  // namespace
}  // namespace octolake::io
