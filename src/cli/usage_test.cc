#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "cli/exit_status.h"
#include "cli/program.h"

namespace octolake::cli {
namespace {

int StatusOf(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"octolake", "--warehouse", "/no/such/warehouse"});
  return RunProgram(static_cast<int>(arguments.size()), arguments.data());
}

// Each is told before the warehouse, which there is not, is looked for.
TEST(Usage, NamesThatCannotBeAreWrongUsage) {
  EXPECT_EQ(StatusOf({"run", "--select", "gold_user_activty"}), kWrongUsage);
  EXPECT_EQ(StatusOf({"test", "--select", "gold_user_activty"}), kWrongUsage);
  EXPECT_EQ(StatusOf({"tables", "gold_user_activity"}), kWrongUsage);
  EXPECT_EQ(StatusOf({"tables", "gold."}), kWrongUsage);
  EXPECT_EQ(StatusOf({"generate", "--era", "1999"}), kWrongUsage);
}

TEST(Usage, AMissingWarehouseIsAFailure) {
  EXPECT_EQ(StatusOf({"run", "--select", "gold_user_activity"}), kFailed);
  EXPECT_EQ(StatusOf({"test", "--select", "github_events_parsed"}), kFailed);
  EXPECT_EQ(StatusOf({"tables", "gold.gold_user_activity"}), kFailed);
  EXPECT_FALSE(std::filesystem::exists("/no"));
}

}  // namespace
}  // namespace octolake::cli
