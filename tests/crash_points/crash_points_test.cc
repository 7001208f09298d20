// Load, commits of the journal, Silver and the models fail at every step of theirs in every way a
// step can; then they are repeated on a healthy disk, and must give what they give undisturbed.
//
// By default a sample of the points runs; OCTOLAKE_CRASH_POINTS=all runs them all, another number
// as many in each of the tests. OCTOLAKE_CRASH_SEED chooses the sample.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "crash_lake.h"
#include "sample.h"

namespace octolake::crash {
namespace {

using ::testing::IsEmpty;

// What is interrupted, and what came before it undisturbed.
struct Part {
  std::string name;
  std::function<std::vector<Command>(const CrashLake&)> before;
  std::function<std::vector<Command>(const CrashLake&)> interrupted;
  size_t default_sample;  // of a slice
};

Command Load(const std::vector<std::string>& files) {
  return [files](Process& process) { return process.Load(files); };
}
Status Silver(Process& process) { return process.Silver(); }
Status Models(Process& process) { return process.Models(); }
Command CommitJournal(const std::string& directory) {
  return [directory](Process& process) { return process.CommitJournal(directory); };
}

const std::vector<Part>& Parts() {
  static const std::vector<Part> parts = {
      {"FirstLoad", [](const CrashLake&) { return std::vector<Command>(); },
       [](const CrashLake& lake) { return std::vector<Command>{Load(lake.first_files())}; }, 40},
      {"LaterLoadAndSilver",
       [](const CrashLake& lake) { return std::vector<Command>{Load(lake.first_files())}; },
       [](const CrashLake& lake) {
         return std::vector<Command>{Silver, Load(lake.later_files()), Silver};
       },
       40},
      {"FirstModels",
       [](const CrashLake& lake) {
         return std::vector<Command>{Load(lake.first_files()), Silver};
       },
       [](const CrashLake&) { return std::vector<Command>{Models}; }, 8},
      {"LaterModels",
       [](const CrashLake& lake) {
         return std::vector<Command>{Load(lake.first_files()), Silver, Models,
                                     Load(lake.later_files()), Silver};
       },
       [](const CrashLake&) { return std::vector<Command>{Models}; }, 8},
      {"FirstCommits", [](const CrashLake&) { return std::vector<Command>(); },
       [](const CrashLake& lake) { return std::vector<Command>{CommitJournal(lake.journal())}; },
       40},
      {"LaterCommits",
       [](const CrashLake& lake) { return std::vector<Command>{Load(lake.first_files())}; },
       [](const CrashLake& lake) {
         return std::vector<Command>{CommitJournal(lake.journal()), Load(lake.later_files()),
                                     Silver};
       },
       40}};
  return parts;
}

struct Point {
  int64_t step;
  io::StepKind kind;
  const io::FaultWay* way;
};

std::vector<Point> AllPoints(const std::vector<io::StepKind>& steps) {
  std::vector<Point> points;
  for (size_t i = 0; i < steps.size(); ++i) {
    for (const io::FaultWay& way : io::FaultWays()) {
      if (io::Applies(way, steps[i]))
        points.push_back({static_cast<int64_t>(i) + 1, steps[i], &way});
    }
  }
  return points;
}

// Each part in slices, so that they can run side by side.
constexpr size_t kSlices = 2;

class CrashPoints : public ::testing::TestWithParam<std::tuple<size_t, size_t>> {
 protected:
  const Part& part() const { return Parts()[std::get<0>(GetParam())]; }
  size_t slice() const { return std::get<1>(GetParam()); }

  // This slice's points, or a sample of them.
  std::vector<Point> Choose(const std::vector<Point>& all) const {
    std::vector<Point> chosen;
    for (size_t i = slice(); i < all.size(); i += kSlices) chosen.push_back(all[i]);
    if (TryAll()) return chosen;
    std::mt19937_64 random(SampleSeed());
    std::shuffle(chosen.begin(), chosen.end(), random);
    chosen.resize(std::min(SampleSize(part().default_sample), chosen.size()));
    return chosen;
  }

  void CheckPoint(const Point& point) {
    lake_.Restore();
    const auto commands = part().interrupted(lake_);
    const PassResult hurt = lake_.Run(commands, *point.way, point.step);
    // Threads write side by side, so that a pass may take a step or two more or less than the
    // counted one: at its very end the fault may find no step to happen at.
    happened_ += std::ssize(hurt.steps) >= point.step ? 1 : 0;
    lake_.CheckConsistent(hurt.reported);
    const PassResult again = lake_.Run(commands, {}, 0);
    ASSERT_TRUE(again.status) << again.status.error().message;
    lake_.RemoveLeftovers();
    lake_.CheckConsistent(again.reported);
    EXPECT_EQ(lake_.ReadContents(), expected_);
    const auto left = lake_.Leftovers();
    // Names lost with the power cannot be found again; nothing else may stay.
    if (!point.way->loses_power) {
      EXPECT_THAT(left, IsEmpty());
    }
    left_ += left.size();
  }

  CrashLake lake_;
  Contents expected_;
  size_t happened_ = 0;
  size_t left_ = 0;
};

TEST_P(CrashPoints, RepeatingMakesItWhole) {
  const PassResult before = lake_.Run(part().before(lake_), {}, 0);
  ASSERT_TRUE(before.status) << before.status.error().message;
  if (!part().before(lake_).empty()) lake_.Save();
  lake_.Restore();
  const PassResult clean = lake_.Run(part().interrupted(lake_), {}, 0);
  ASSERT_TRUE(clean.status) << clean.status.error().message;
  expected_ = lake_.ReadContents();
  lake_.CheckConsistent(clean.reported);
  ASSERT_THAT(lake_.Leftovers(), IsEmpty());

  const std::vector<Point> all = AllPoints(clean.steps);
  const std::vector<Point> chosen = Choose(all);
  for (const Point& point : chosen) {
    SCOPED_TRACE(part().name + ": step " + std::to_string(point.step) + " of " +
                 std::to_string(clean.steps.size()) + " (" +
                 std::string(io::StepKindName(point.kind)) + ") " + point.way->name);
    CheckPoint(point);
    if (HasFailure()) return;
  }
  EXPECT_GE(happened_ * 10, chosen.size() * 9);
  std::printf("%s: %zu of %zu points, of %zu steps; %zu files left by power cuts\n",
              part().name.c_str(), chosen.size(), all.size(), clean.steps.size(), left_);
}

std::string NameOf(const ::testing::TestParamInfo<std::tuple<size_t, size_t>>& param) {
  return Parts()[std::get<0>(param.param)].name + "_" + std::to_string(std::get<1>(param.param));
}

INSTANTIATE_TEST_SUITE_P(Parts, CrashPoints,
                         ::testing::Combine(::testing::Range<size_t>(0, 6),
                                            ::testing::Range<size_t>(0, kSlices)),
                         NameOf);

}  // namespace
}  // namespace octolake::crash
