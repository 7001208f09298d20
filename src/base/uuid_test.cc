#include "base/uuid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

namespace octolake {
namespace {

constexpr TimestampMicros kNow = 1'420'070'400'000'000;  // 2015-01-01T00:00:00Z

int64_t MillisOf(const Uuid& uuid) {
  int64_t millis = 0;
  for (int i = 0; i < 6; ++i) millis = millis * 256 + uuid.bytes[i];
  return millis;
}

TEST(UuidTest, PrintsAndParses) {
  const auto uuid = Uuid::Parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F");
  ASSERT_TRUE(uuid);
  EXPECT_EQ(uuid->bytes[0], 0x01);
  EXPECT_EQ(uuid->bytes[15], 0x8f);
  EXPECT_EQ(uuid->ToString(), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(UuidTest, RefusesOtherTexts) {
  for (const char* text :
       {"", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "017f22e2+79b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e279b07cc398c4dc0c0c07398f----"}) {
    const auto uuid = Uuid::Parse(text);
    ASSERT_FALSE(uuid) << text;
    EXPECT_EQ(uuid.error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST(UuidTest, Version4HasItsBits) {
  SeededRandom random(1);
  const Uuid a = Uuid::RandomV4(random);
  const Uuid b = Uuid::RandomV4(random);
  EXPECT_EQ(a.bytes[6] >> 4, 4);
  EXPECT_EQ(a.bytes[8] >> 6, 2);
  EXPECT_NE(a, b);
}

TEST(UuidTest, Version7HasTimeVersionAndVariant) {
  ManualClock clock(kNow);
  SeededRandom random(1);
  UuidV7Generator generator(clock, random);
  const Uuid uuid = generator.Next();
  EXPECT_EQ(MillisOf(uuid), kNow / 1000);
  EXPECT_EQ(uuid.bytes[6] >> 4, 7);
  EXPECT_EQ(uuid.bytes[8] >> 6, 2);
}

TEST(UuidTest, Version7IncreasesWhileTheClockStandsOrJumpsBack) {
  ManualClock clock(kNow);
  SeededRandom random(7);
  UuidV7Generator generator(clock, random);
  Uuid last = generator.Next();
  for (int i = 0; i < 100'000; ++i) {
    if (i == 50'000) clock.Set(kNow - kNow / 2);
    if (i == 75'000) clock.Set(kNow + 1'000);
    const Uuid next = generator.Next();
    ASSERT_LT(last, next) << i;
    ASSERT_LT(last.ToString(), next.ToString()) << i;
    last = next;
  }
  EXPECT_EQ(MillisOf(last), kNow / 1000 + 1);
}

TEST(UuidTest, ManyAtOnceAreAsOneByOne) {
  ManualClock clock(kNow);
  SeededRandom random(7);
  SeededRandom same(7);
  UuidV7Generator generator(clock, random);
  UuidV7Generator one_by_one(clock, same);
  for (const Uuid& uuid : generator.Next(1000)) EXPECT_EQ(uuid, one_by_one.Next());
  EXPECT_TRUE(generator.Next(0).empty());
  EXPECT_EQ(generator.Next(), one_by_one.Next());
}

// All ones: the counter starts at its highest start and still has half of its range left.
class OnesRandom final : public RandomSource {
 public:
  uint64_t Next() override { return ~uint64_t{0}; }
};

TEST(UuidTest, Version7BorrowsAMillisecondWhenItsCounterIsFull) {
  ManualClock clock(kNow);
  OnesRandom random;
  UuidV7Generator generator(clock, random);
  Uuid last = generator.Next();
  const int beyond = (1 << 25) + 1000;
  for (int i = 0; i < beyond; ++i) {
    const Uuid next = generator.Next();
    if (!(last < next)) FAIL() << "not increasing at " << i;
    last = next;
  }
  EXPECT_EQ(MillisOf(last), kNow / 1000 + 1);
}

TEST(UuidTest, Version7IsUniqueOverThreads) {
  UuidV7Generator generator(SystemClock(), SystemRandom());
  std::vector<std::vector<Uuid>> made(4);
  std::vector<std::thread> threads;
  for (auto& list : made) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) list.push_back(generator.Next());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<Uuid> all;
  for (const auto& list : made) {
    EXPECT_TRUE(std::is_sorted(list.begin(), list.end()));
    all.insert(list.begin(), list.end());
  }
  EXPECT_EQ(all.size(), 20'000u);
}

TEST(RandomTest, SystemRandomDiffersBetweenThreads) {
  std::set<uint64_t> seen;
  std::vector<uint64_t> other;
  std::thread thread([&] {
    for (int i = 0; i < 100; ++i) other.push_back(SystemRandom().Next());
  });
  for (int i = 0; i < 100; ++i) seen.insert(SystemRandom().Next());
  thread.join();
  seen.insert(other.begin(), other.end());
  EXPECT_EQ(seen.size(), 200u);
}

}  // namespace
}  // namespace octolake
