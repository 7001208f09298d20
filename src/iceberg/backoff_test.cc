#include "iceberg/backoff.h"

#include <gtest/gtest.h>

namespace octolake::iceberg {
namespace {

// Gives the same number always.
class SameNumber final : public RandomSource {
 public:
  explicit SameNumber(uint64_t number) : number_(number) {}
  uint64_t Next() override { return number_; }

 private:
  const uint64_t number_;
};

TEST(Backoff, EndsWithTheAttempts) {
  SameNumber at_once(0);
  Backoff backoff(at_once, {.attempts = 3});
  EXPECT_TRUE(backoff.Wait());
  EXPECT_TRUE(backoff.Wait());
  EXPECT_FALSE(backoff.Wait());
  EXPECT_EQ(backoff.attempts(), 3);
}

TEST(Backoff, EndsWithTheTime) {
  SameNumber five(5);
  Backoff backoff(five, {.attempts = 100, .total_millis = 12});
  EXPECT_TRUE(backoff.Wait());
  EXPECT_TRUE(backoff.Wait());
  EXPECT_FALSE(backoff.Wait());
}

}  // namespace
}  // namespace octolake::iceberg
