#include "schedule/log_tail.h"

#include <gtest/gtest.h>

namespace octolake::schedule {
namespace {

TEST(LogTail, KeepsWholeLines) {
  EXPECT_EQ(LastLines("", 4), "");
  EXPECT_EQ(LastLines("a\nb\n", 4), "a\nb\n");
  EXPECT_EQ(LastLines("aa\nb\n", 4), "b\n");
  EXPECT_EQ(LastLines("a\nbb\n", 3), "bb\n");
  EXPECT_EQ(LastLines("a\nbb\nc\n", 4), "c\n");
}

TEST(LogTail, CutsALongLineAtACharacter) {
  EXPECT_EQ(LastLines("abcdef\n", 3), "ef\n");
  EXPECT_EQ(LastLines("a\u20ac\u20acb", 4), "\u20acb");
  EXPECT_EQ(LastLines("a\u20ac\u20acb", 3), "b");
}

TEST(LogTail, StaysSmall) {
  LogTail tail(100);
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    tail.Add(line);
    all += line;
  }
  EXPECT_EQ(tail.Text(), LastLines(all, 100));
  EXPECT_TRUE(tail.Text().ends_with("line 998\nline 999\n"));
  tail.Add(std::string(1'000'000, 'x') + "\n");
  EXPECT_EQ(tail.Text(), std::string(99, 'x') + "\n");
}

}  // namespace
}  // namespace octolake::schedule
