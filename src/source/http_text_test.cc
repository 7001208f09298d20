#include "source/http_text.h"

#include <gmock/gmock.h>

namespace octolake::source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HttpText, Numbers) {
  EXPECT_EQ(NumberIn("0"), 0);
  EXPECT_EQ(NumberIn("12345678901"), 12345678901);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1a", "99999999999999999999"}) {
    EXPECT_EQ(NumberIn(text), std::nullopt) << text;
  }
}

TEST(HttpText, Dates) {
  EXPECT_EQ(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);  // RFC 9110's example
  EXPECT_EQ(ParseHttpDate("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  for (const char* text :
       {"", "1994-11-06", "Sun, 06 Nov 1994 08:49:37", "120", "Sun, 06 Nov 1994 08:49:37 GMT+1"}) {
    EXPECT_EQ(ParseHttpDate(text), std::nullopt) << text;
  }
}

TEST(HttpText, Origins) {
  EXPECT_EQ(OriginOf("https://a.example:8443/x?y"), "https://a.example:8443");
  EXPECT_EQ(OriginOf("https://a.example?y"), "https://a.example");
  EXPECT_EQ(OriginOf("a.example/x"), "");
}

TEST(HttpText, UsableUrls) {
  for (const char* url : {"http://h/x", "https://h:1/x?a=b@c", "http://[::1]:80"}) {
    EXPECT_TRUE(CheckUrl(url)) << url;
  }
  for (const char* url : {"ftp://h/x", "file:///etc/passwd", "https:///x", "h/x", ""}) {
    const Status usable = CheckUrl(url);
    ASSERT_FALSE(usable) << url;
    EXPECT_EQ(usable.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(usable.error().message, HasSubstr(url));
  }
}

TEST(HttpText, UrlsWithPasswordsAreNeitherUsedNorShown) {
  const Status usable = CheckUrl("https://ada:secret@h/x");
  ASSERT_FALSE(usable);
  EXPECT_THAT(usable.error().message, HasSubstr("https://…@h/x"));
  EXPECT_THAT(usable.error().message, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace octolake::source
