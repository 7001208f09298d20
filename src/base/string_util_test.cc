#include "base/string_util.h"

#include <gmock/gmock.h>

#include <cstdint>

namespace octolake {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StringUtilTest, TrimsBothEndsOnly) {
  EXPECT_EQ(Trim("\t a b \t"), "a b");
  EXPECT_EQ(Trim("a"), "a");
  EXPECT_EQ(Trim(" \t"), "");
  EXPECT_EQ(Trim(""), "");
  EXPECT_EQ(Trim(" a\r\n", " \r\n"), "a");
  EXPECT_EQ(Trim("a\n"), "a\n");
}

TEST(StringUtilTest, ANumberIsTheWholeText) {
  EXPECT_EQ(ParseNumber<int32_t>("0"), 0);
  EXPECT_EQ(ParseNumber<int32_t>("-2147483648"), INT32_MIN);
  EXPECT_EQ(ParseNumber<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(ParseNumber<double>("0.25"), 0.25);
  for (const char* text : {"", " ", "1 ", " 1", "+1", "1x", "x", "0x1", "1.0", "1e3", "--1", "-"}) {
    EXPECT_EQ(ParseNumber<int64_t>(text), std::nullopt) << text;
  }
}

TEST(StringUtilTest, ANumberOutOfItsTypesRangeIsNone) {
  EXPECT_EQ(ParseNumber<int32_t>("2147483648"), std::nullopt);
  EXPECT_EQ(ParseNumber<uint64_t>("18446744073709551616"), std::nullopt);
  EXPECT_EQ(ParseNumber<uint64_t>("-1"), std::nullopt);
  EXPECT_EQ(ParseNumber<double>("1e999"), std::nullopt);
}

TEST(StringUtilTest, SplitsAListIntoWhatIsThere) {
  EXPECT_THAT(SplitList(" a ,,b\t, "), ElementsAre("a", "b"));
  EXPECT_THAT(SplitList("a b;c", ';'), ElementsAre("a b", "c"));
  EXPECT_THAT(SplitList(""), IsEmpty());
}

TEST(StringUtilTest, FindsTheNearestName) {
  const std::vector<std::string> names = {"warehouse", "bronze.commit_interval", "log.level"};
  EXPECT_EQ(NearestName("warehose", names), "warehouse");
  EXPECT_EQ(NearestName("bronze.comit_interval", names), "bronze.commit_interval");
  EXPECT_EQ(NearestName("colour", names), "");
  EXPECT_EQ(DidYouMean("loglevel", names), " (did you mean 'log.level'?)");
  EXPECT_EQ(DidYouMean(std::string(100'000, 'x'), names), "");
}

}  // namespace
}  // namespace octolake
