#include "base/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octolake {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Split(std::string_view line) {
  auto words = SplitArguments(line);
  EXPECT_TRUE(words) << line << ": " << words.error().message;
  return words ? *words : std::vector<std::string>{};
}

TEST(ArgumentsTest, AreSplitAsAShellDoes) {
  EXPECT_THAT(Split(""), IsEmpty());
  EXPECT_THAT(Split(" \n "), IsEmpty());
  EXPECT_THAT(
      Split("maintain bronze.github_events  --compact=sort\n--columns a,b"),
      ElementsAre("maintain", "bronze.github_events", "--compact=sort", "--columns", "a,b"));
  EXPECT_THAT(Split(R"(--where "type = 'Push' AND id > 5" x'y z'"w")"),
              ElementsAre("--where", "type = 'Push' AND id > 5", "xy zw"));
  EXPECT_THAT(Split(R"('' "" 'a\b' "a\"b\\c\d" a\ b\')"),
              ElementsAre("", "", R"(a\b)", R"(a"b\c\d)", "a b'"));
}

TEST(ArgumentsTest, WhatAShellWouldDoIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"a | b", "at character 3 there is a | outside quotes"},
      {"echo $HOME", "a $ outside quotes"},
      {"ls *.json", "a * outside quotes"},
      {"a; b", "a ; outside quotes"},
      {"a 'b c", "at character 3 there is a ' that does not end"},
      {"a \"b\\\"", "at character 3 there is a \" that does not end"},
      {"a \\", "a \\ at the end"}};
  for (const auto& [line, message] : cases) {
    const auto words = SplitArguments(line);
    ASSERT_FALSE(words) << line;
    EXPECT_EQ(words.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(words.error().message, HasSubstr(message));
  }
}

TEST(ArgumentsTest, AreReadBackFromTheirLine) {
  const std::vector<std::string> arguments = {
      "sh",    "-c",     "echo \"$HOME\" | wc -l; echo 'x'", "", " ", "a\nb", "Größe", "\\",
      "--x=y", "it's it"};
  EXPECT_EQ(Split(JoinArguments(arguments)), arguments);
  EXPECT_EQ(JoinArguments({"maintain", "--columns", "a,b", "x y"}), "maintain --columns a,b 'x y'");
}

}  // namespace
}  // namespace octolake
