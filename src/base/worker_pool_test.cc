#include "base/worker_pool.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace octolake {
namespace {

TEST(WorkerPool, EachIsDoneOnceInEveryRound) {
  for (const int threads : {1, 2, 4}) {
    WorkerPool workers(threads);
    for (size_t round = 0; round < 200; ++round) {
      std::vector<int> done(round % 60, 0);
      workers.ForEach(done.size(), [&](size_t i) { ++done[i]; });
      EXPECT_EQ(done, std::vector<int>(round % 60, 1));
    }
  }
}

TEST(WorkerPool, WhatIsThrownComesOutAndTheNextRoundWorks) {
  WorkerPool workers(3);
  const auto fail = [](size_t i) {
    if (i == 7) throw std::runtime_error("seven");
  };
  EXPECT_THROW(workers.ForEach(100, fail), std::runtime_error);
  std::vector<int> done(100, 0);
  workers.ForEach(done.size(), [&](size_t i) { ++done[i]; });
  EXPECT_EQ(done, std::vector<int>(100, 1));
}

}  // namespace
}  // namespace octolake
