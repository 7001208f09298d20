// OCTOLAKE_SEEDS says how many seeds (500), OCTOLAKE_FIRST_SEED where to begin (1).
#include "simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/temp_directory_for_test.h"

namespace octolake::simulation {
namespace {

int64_t NumberFromEnvironment(const char* name, int64_t if_not_set) {
  const char* value = std::getenv(name);
  return value == nullptr ? if_not_set : std::stoll(value);
}

Outcome RunSeed(int64_t seed, Bug bug = Bug::kNone) {
  const TempDirectory directory(MemoryDirectory());
  return Simulate(static_cast<uint64_t>(seed), bug, directory.path());
}

std::string Again(int64_t seed) {
  return "again: OCTOLAKE_FIRST_SEED=" + std::to_string(seed) +
         " OCTOLAKE_SEEDS=1 build/release/bin/simulation_test --gtest_filter='*EverythingHolds/0'";
}

// A sanitizer makes a seed take ten times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int64_t kSeeds = 60;
#else
constexpr int64_t kSeeds = 500;
#endif
// The seeds, divided among so many tests, that can run beside each other.
constexpr int64_t kShards = 10;

class SimulationTest : public testing::TestWithParam<int64_t> {};

TEST_P(SimulationTest, EverythingHolds) {
  const int64_t first = NumberFromEnvironment("OCTOLAKE_FIRST_SEED", 1);
  const int64_t seeds = NumberFromEnvironment("OCTOLAKE_SEEDS", kSeeds);
  std::map<std::string, int64_t> counts;
  for (int64_t seed = first + GetParam(); seed < first + seeds; seed += kShards) {
    const Outcome outcome = RunSeed(seed);
    EXPECT_EQ(outcome.violation, "") << "seed " << seed << ", its last steps:\n"
                                     << outcome.trace << Again(seed);
    for (const auto& [what, count] : outcome.counts) counts[what] += count;
  }
  for (const auto& [what, count] : counts) RecordProperty(what, std::to_string(count));
}

INSTANTIATE_TEST_SUITE_P(Seeds, SimulationTest, testing::Range(int64_t{0}, kShards));

// What never happens is not tested.
TEST(SimulationCoverage, AFewSeedsDoEverything) {
  std::map<std::string, int64_t> counts;
  for (int64_t seed = 1; seed <= 100; ++seed) {
    for (const auto& [what, count] : RunSeed(seed).counts) counts[what] += count;
  }
  for (const char* what : {"commit journal ends",
                           "commit journal fails: CommitConflict",
                           "consume ends",
                           "append ends",
                           "overwrite ends",
                           "delete row ends",
                           "delete row fails: CommitConflict",
                           "compaction: groups",
                           "compaction: conflicts",
                           "manifests rewritten",
                           "expire ends",
                           "snapshots expired",
                           "orphans: moved",
                           "orphans: gone for good",
                           "orphans: restored",
                           "leftovers removed",
                           "roll back ends",
                           "set reference ends",
                           "scratch ends",
                           "snapshots read",
                           "replies to commits lost",
                           "requests for commits lost",
                           "catalog locked",
                           "listings stale",
                           "slow foreign writes",
                           "deaths",
                           "append is torn",
                           "append fails: CommitStateUnknown"}) {
    EXPECT_GT(counts[what], 0) << what << " never happened";
  }
}

TEST(SimulationReplay, ASeedGivesTheSameStepsEachTime) {
  std::vector<uint64_t> hashes;
  for (int64_t seed = 1; seed <= 10; ++seed) {
    const Outcome once = RunSeed(seed);
    const Outcome again = RunSeed(seed);
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed << "\n" << again.trace;
    EXPECT_EQ(once.trace_lines, again.trace_lines);
    EXPECT_EQ(once.counts, again.counts);
    hashes.push_back(once.trace_hash);
  }
  EXPECT_NE(hashes.front(), hashes.back()) << "seeds differ";
}

struct Planted {
  const char* name;
  Bug bug;
  // What the violation says.
  const char* symptom;
};

class PlantedBugTest : public testing::TestWithParam<Planted> {};

// Among the seeds of `./test`.
TEST_P(PlantedBugTest, IsFound) {
  for (int64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome outcome = RunSeed(seed, GetParam().bug);
    // Some show in other ways as well.
    if (outcome.violation.find(GetParam().symptom) == std::string::npos) continue;
    const Outcome again = RunSeed(seed, GetParam().bug);
    EXPECT_EQ(again.violation, outcome.violation);
    EXPECT_EQ(again.trace_hash, outcome.trace_hash);
    RecordProperty("seed", std::to_string(seed));
    return;
  }
  FAIL() << "none of " << kSeeds << " seeds finds it";
}

INSTANTIATE_TEST_SUITE_P(
    Bugs, PlantedBugTest,
    testing::Values(
        Planted{"RemovesFilesInDoubt", Bug::kRemovesFilesInDoubt, "was removed, which is named"},
        Planted{"ValidatesAtCommitTime", Bug::kValidatesAtCommitTime, "has not the rows"},
        Planted{"DoesNotLookAgain", Bug::kDoesNotLookAgain, "is not back"},
        Planted{"ExpiresByMainOnly", Bug::kExpiresByMainOnly, "was removed, which is named"},
        Planted{"TakesLostReplyForFailure", Bug::kTakesLostReplyForFailure, "was removed"}),
    [](const auto& planted) { return std::string(planted.param.name); });

}  // namespace
}  // namespace octolake::simulation
