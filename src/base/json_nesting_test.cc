#include "base/json_nesting.h"

#include <gtest/gtest.h>

#include <string>

namespace octolake {
namespace {

std::string Nested(int depth, const std::string& inside) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += i % 2 == 0 ? "[" : "{\"a\":";
  text += inside;
  for (int i = depth - 1; i >= 0; --i) text += i % 2 == 0 ? "]" : "}";
  return text;
}

TEST(JsonNestingTest, CountsArraysAndObjects) {
  EXPECT_FALSE(IsNestedTooDeeply(Nested(kMaxJsonNesting, "1")));
  EXPECT_TRUE(IsNestedTooDeeply(Nested(kMaxJsonNesting + 1, "1")));
  EXPECT_TRUE(IsNestedTooDeeply(std::string(1'000'000, '[')));
}

TEST(JsonNestingTest, NeighboursAreNoDeeper) {
  std::string text = "[";
  for (int i = 0; i < 2 * kMaxJsonNesting; ++i) text += "[{}],";
  EXPECT_FALSE(IsNestedTooDeeply(text + "1]"));
}

TEST(JsonNestingTest, BracketsInStringsDoNotCount) {
  const std::string brackets(2 * kMaxJsonNesting, '[');
  EXPECT_FALSE(IsNestedTooDeeply(R"(["\"\\)" + brackets + R"(\\", 1])"));
  EXPECT_TRUE(IsNestedTooDeeply(R"(["\\", )" + brackets));
  EXPECT_FALSE(IsNestedTooDeeply("\"\\"));
}

}  // namespace
}  // namespace octolake
