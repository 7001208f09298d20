#include "source/archive_hours.h"

#include <gmock/gmock.h>

namespace octolake::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char kArchive[] = "https://a.example";

std::vector<std::string> Urls(const std::string& text) {
  const auto expanded = ExpandHours(text, kArchive);
  EXPECT_TRUE(expanded && *expanded) << text;
  return expanded && *expanded ? **expanded : std::vector<std::string>();
}

TEST(ArchiveHours, OneHour) {
  EXPECT_THAT(Urls("2015-01-01-15"), ElementsAre("https://a.example/2015-01-01-15.json.gz"));
  // The archive's names have no zero before the hour.
  EXPECT_THAT(Urls("2015-01-01-5"), ElementsAre("https://a.example/2015-01-01-5.json.gz"));
  EXPECT_EQ(Urls("2015-01-01-05"), Urls("2015-01-01-5"));
  EXPECT_THAT(Urls("2015-01-01-00"), ElementsAre("https://a.example/2015-01-01-0.json.gz"));
}

TEST(ArchiveHours, RangesInOrder) {
  EXPECT_THAT(Urls("2015-01-{31..31}-{8..10}"),
              ElementsAre("https://a.example/2015-01-31-8.json.gz",
                          "https://a.example/2015-01-31-9.json.gz",
                          "https://a.example/2015-01-31-10.json.gz"));
  EXPECT_EQ(Urls("2015-01-01-{08..10}"), Urls("2015-01-01-{8..10}"));
  const auto month = Urls("2016-02-{01..29}-{0..23}");
  ASSERT_THAT(month, SizeIs(29 * 24));
  EXPECT_EQ(month[24], "https://a.example/2016-02-02-0.json.gz");
  EXPECT_EQ(month.back(), "https://a.example/2016-02-29-23.json.gz");
}

TEST(ArchiveHours, WhatIsNotOnTheCalendar) {
  for (const auto& [text, why] : {
           std::pair("2015-02-30-1", "no such day; the month has 28"),
           std::pair("2015-02-{01..29}-1", "no such day; the month has 28"),
           std::pair("2015-01-00-1", "no such day"),
           std::pair("2015-01-{05..04}-1", "no such day"),
           std::pair("2015-13-01-1", "no month 13"),
           std::pair("2015-00-01-1", "no month 00"),
           std::pair("2015-01-01-24", "from 0 to 23"),
           std::pair("2015-01-01-{0..24}", "from 0 to 23"),
           std::pair("2015-01-01-{7..6}", "from 0 to 23"),
       }) {
    const auto expanded = ExpandHours(text, kArchive);
    ASSERT_TRUE(expanded.has_value()) << text;
    ASSERT_FALSE(*expanded) << text;
    EXPECT_EQ(expanded->error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(expanded->error().message, HasSubstr(text));
    EXPECT_THAT(expanded->error().message, HasSubstr(why));
  }
}

TEST(ArchiveHours, OtherNamesAreNone) {
  for (const char* text : {"2015-01-01-15.json.gz", "2015-01-01", "15-01-01-1", "2015-01-01-150",
                           "./2015-01-01-15", "2015-01-01-{1..}", "2015-01-01-{1}", ""}) {
    EXPECT_FALSE(ExpandHours(text, kArchive)) << text;
  }
}

}  // namespace
}  // namespace octolake::source
