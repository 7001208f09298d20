#include "maintain/z_order.h"

#include <gtest/gtest.h>

namespace octolake::maintain {
namespace {

std::string Interleave(const std::vector<uint32_t>& ranks) {
  std::string key;
  AppendInterleaved(ranks, key);
  return key;
}

TEST(InterleaveTest, TakesBitsInTurnTheHighestFirst) {
  EXPECT_EQ(Interleave({0xFFFFFFFF, 0}), std::string(8, '\xAA'));
  EXPECT_EQ(Interleave({0, 0xFFFFFFFF}), std::string(8, '\x55'));
  EXPECT_EQ(Interleave({0x80000000, 0x80000000, 0})[0], '\xC0');
  EXPECT_EQ(Interleave({1, 0}).back(), '\x02');
  EXPECT_EQ(Interleave({1, 1, 1}).size(), 12U);
}

TEST(RanksTest, AreThePartOfRowsThatComeBefore) {
  std::vector<std::string> sample(900, "push");
  sample.insert(sample.end(), 50, "fork");
  sample.insert(sample.end(), 50, "watch");
  const Ranks ranks(std::move(sample));
  const auto part = [&](const char* key) { return ranks.Of(key) / 4294967296.0; };
  EXPECT_EQ(part("a"), 0);
  EXPECT_EQ(part("fork"), 0);
  EXPECT_NEAR(part("push"), 0.05, 0.001);
  EXPECT_NEAR(part("watch"), 0.95, 0.001);
  EXPECT_NEAR(part("zebra"), 1, 0.001);
}

TEST(RanksTest, OfKeysThatBeginAlikeAndOthers) {
  const Ranks ranks({"same0123456789a", "same0123456789b", "same0123456789c", "samf"});
  const auto quarters = [&](const char* key) { return ranks.Of(key) / 1073741824.0; };
  EXPECT_EQ(quarters(""), 0);
  EXPECT_EQ(quarters("sa"), 0);
  EXPECT_EQ(quarters("same0123456789a"), 0);
  EXPECT_EQ(quarters("same0123456789ab"), 1);
  EXPECT_EQ(quarters("same0123456789b"), 1);
  EXPECT_EQ(quarters("same0123456789c"), 2);
  EXPECT_EQ(quarters("same1"), 3);
  EXPECT_EQ(quarters("samf"), 3);
  EXPECT_NEAR(quarters("samf0"), 4, 0.001);
  EXPECT_NEAR(quarters("t"), 4, 0.001);
}

TEST(RanksTest, AreEvenWhateverTheValuesAre) {
  std::vector<std::string> sample;
  for (int i = 0; i < 100'000; ++i) {
    char key[16];
    std::snprintf(key, sizeof key, "%09lld", static_cast<long long>(i) * i % 1'000'000'007);
    sample.emplace_back(key);
  }
  std::vector<std::string> sorted = sample;
  std::sort(sorted.begin(), sorted.end());
  const Ranks ranks(std::move(sample));
  for (const int percent : {1, 10, 50, 90, 99}) {
    const auto& key = sorted[static_cast<size_t>(percent) * 1000];
    EXPECT_NEAR(ranks.Of(key) / 4294967296.0, percent / 100.0, 0.001);
  }
  EXPECT_EQ(Ranks().Of("x"), 0U);
}

}  // namespace
}  // namespace octolake::maintain
