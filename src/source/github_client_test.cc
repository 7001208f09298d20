#include "source/github_client.h"

#include <gmock/gmock.h>

#include "source/fake_http_for_test.h"

namespace octolake::source {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kNowSeconds = 1'700'000'000;

class GitHubClientTest : public ::testing::Test {
 protected:
  GitHubClientTest() {
    options_.api_url = "https://api.example";
    options_.authorization = [] { return "Bearer t"; };
  }
  GitHubClient Client() { return {http_, pause_, clock_, options_, MakeNullLogger()}; }
  Result<HttpResponse> Get() { return Client().Get("/x", {"If-None-Match: \"e\""}); }

  FakeHttp http_;
  FakePause pause_;
  ManualClock clock_{kNowSeconds * 1'000'000};
  GitHubOptions options_;
};

TEST_F(GitHubClientTest, AsksAsGitHubWantsToBeAsked) {
  http_.answers = {Answer(200, "[]")};
  EXPECT_EQ(Get()->body, "[]");
  ASSERT_THAT(http_.requests, SizeIs(1));
  EXPECT_EQ(http_.requests[0].url, "https://api.example/x");
  EXPECT_THAT(http_.requests[0].headers, Contains("Authorization: Bearer t"));
  EXPECT_THAT(http_.requests[0].headers, Contains("Accept: application/vnd.github+json"));
  EXPECT_THAT(http_.requests[0].headers, Contains("If-None-Match: \"e\""));
  http_.answers = {Answer(304)};
  EXPECT_EQ(Get()->status, 304);
}

TEST_F(GitHubClientTest, TriesAgainWhatMayPass) {
  http_.answers = {Answer(502), MakeError(ErrorKind::kTransient, "reset"), Answer(200)};
  EXPECT_TRUE(Get());
  EXPECT_THAT(pause_.waits, ElementsAre(1, 2));
}

TEST_F(GitHubClientTest, GivesUpInTheEnd) {
  const auto answer = Get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(http_.requests, SizeIs(5));
  EXPECT_THAT(pause_.waits, ElementsAre(1, 2, 4, 8));
}

TEST_F(GitHubClientTest, DoesNotRepeatWhatStaysWrong) {
  for (const auto& [status, kind] :
       {std::pair(401, ErrorKind::kInvalidArgument), std::pair(403, ErrorKind::kInvalidArgument),
        std::pair(404, ErrorKind::kNotFound), std::pair(422, ErrorKind::kInvalidArgument)}) {
    http_.requests.clear();
    http_.answers = {Answer(status, R"({"message":"because\nof this"})")};
    const auto answer = Get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, kind) << status;
    EXPECT_THAT(answer.error().message, HasSubstr("because of this"));
    EXPECT_THAT(http_.requests, SizeIs(1));
  }
  EXPECT_THAT(pause_.waits, IsEmpty());
}

TEST_F(GitHubClientTest, WaitsAsLongAsGitHubSays) {
  const std::string reset = std::to_string(kNowSeconds + 100);
  http_.answers = {
      Answer(403, "{}", {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", reset}}),
      Answer(429, "{}", {{"retry-after", "7"}}),
      Answer(403, R"({"message":"You have exceeded a secondary rate limit"})"),
      Answer(429, "no JSON"), Answer(200)};
  EXPECT_TRUE(Get());
  EXPECT_THAT(pause_.waits, ElementsAre(102, 7, 240, 480));
}

TEST_F(GitHubClientTest, ALimitThatNeverEndsOrLastsTooLongIsAnError) {
  for (int i = 0; i < 10; ++i) http_.answers.push_back(Answer(429, "", {{"retry-after", "1"}}));
  auto answer = Get();
  EXPECT_EQ(answer.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(http_.requests, SizeIs(5));
  pause_.waits.clear();
  for (const char* seconds : {"4000", "99999999999999999"}) {
    http_.answers = {Answer(429, "", {{"retry-after", seconds}})};
    answer = Get();
    EXPECT_EQ(answer.error().kind, ErrorKind::kTransient);
    EXPECT_THAT(answer.error().message, HasSubstr("rate limit is met, until"));
  }
  EXPECT_THAT(pause_.waits, IsEmpty());
}

TEST_F(GitHubClientTest, EndsWhenWaitingIsEnded) {
  pause_.ended = true;
  http_.answers = {Answer(429, "", {{"retry-after", "1"}})};
  EXPECT_EQ(Get().error().kind, ErrorKind::kTransient);
  http_.answers = {Answer(500)};
  EXPECT_EQ(Get().error().kind, ErrorKind::kTransient);
  EXPECT_THAT(http_.requests, SizeIs(2));
}

TEST_F(GitHubClientTest, AFailedAuthorizationSendsNothing) {
  options_.authorization = []() -> Result<std::string> {
    return MakeError(ErrorKind::kInvalidArgument, "no key");
  };
  EXPECT_EQ(Get().error().message, "no key");
  EXPECT_THAT(http_.requests, IsEmpty());
}

TEST_F(GitHubClientTest, FindsTheNextPage) {
  const auto next = [this](const std::string& link) {
    return Client().NextPage(Answer(200, "", {{"Link", link}}));
  };
  EXPECT_EQ(*Client().NextPage(Answer(200)), std::nullopt);
  EXPECT_EQ(*next("<https://api.example/a?page=1>; rel=\"prev\""), std::nullopt);
  EXPECT_EQ(**next("<https://api.example/a?page=1>; rel=\"prev\", "
                   "<https://api.example/a?page=3>; rel=\"next\", <https://x>; rel=\"last\""),
            "https://api.example/a?page=3");
  EXPECT_EQ(**next("<https://api.example/a>;rel=next"), "https://api.example/a");
  for (const char* elsewhere : {"https://other.example/a", "http://api.example/a", "/a",
                                "https://api.example.evil/a", "https://api.example:8443/"}) {
    const auto page = next("<" + std::string(elsewhere) + ">; rel=\"next\"");
    ASSERT_FALSE(page) << elsewhere;
    EXPECT_EQ(page.error().kind, ErrorKind::kCorruption);
  }
  for (const char* broken :
       {"<", ">", "<https://api.example/a", "rel=\"next\"", "<>; rel=\"last\""}) {
    EXPECT_EQ(*next(broken), std::nullopt) << broken;
  }
}

TEST(CheckApiUrl, TokensGoOverHttpsOrStayHere) {
  for (const char* good : {"https://api.github.com", "https://ghe.example/api/v3",
                           "http://127.0.0.1:8000", "http://localhost", "http://[::1]:80/"}) {
    EXPECT_TRUE(CheckApiUrl(good)) << good;
  }
  for (const char* bad :
       {"", "api.github.com", "https://", "http://api.github.com", "http://127.0.0.1.evil.example",
        "http://127.0.0.1:80@evil.example", "ftp://localhost", "http://[::2]"}) {
    EXPECT_FALSE(CheckApiUrl(bad)) << bad;
  }
}

}  // namespace
}  // namespace octolake::source
