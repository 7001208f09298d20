#include "source/webhook_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/fake_http_for_test.h"

namespace octolake::source {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class WebhookSenderTest : public ::testing::Test {
 protected:
  Status Send() { return WebhookSender(options_, http_, pause_).Send({"job_failed", "7", "{}"}); }

  WebhookOptions options_{"https://hooks.example/T0/very-secret?key=hidden", "", 4, 1'000'000};
  FakeHttp http_;
  FakePause pause_;
};

TEST_F(WebhookSenderTest, PostsTheMessageOnce) {
  http_.answers = {Answer(204)};
  ASSERT_TRUE(Send());
  ASSERT_THAT(http_.requests, SizeIs(1));
  EXPECT_EQ(http_.requests[0].url, options_.url);
  EXPECT_EQ(http_.requests[0].post_body, "{}");
  EXPECT_THAT(http_.requests[0].headers,
              ElementsAre("Content-Type: application/json", "X-Octolake-Event: job_failed",
                          "X-Octolake-Delivery: 7"));
  EXPECT_THAT(pause_.waits, IsEmpty());
}

// docs.github.com, "Testing the webhook payload validation".
TEST_F(WebhookSenderTest, SignsAsGitHubDoes) {
  options_.secret = "It's a Secret to Everybody";
  http_.answers = {Answer(200)};
  ASSERT_TRUE(WebhookSender(options_, http_, pause_).Send({"e", "1", "Hello, World!"}));
  EXPECT_THAT(http_.requests[0].headers,
              Contains("X-Hub-Signature-256: "
                       "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"));
}

TEST_F(WebhookSenderTest, TriesAgainWhatMayWorkLater) {
  http_.answers = {MakeError(ErrorKind::kTransient, "no connection"), Answer(500), Answer(408),
                   Answer(429, "", {{"Retry-After", "30"}}), Answer(200)};
  ASSERT_TRUE(Send());
  EXPECT_THAT(http_.requests, SizeIs(5));
  EXPECT_THAT(pause_.waits, ElementsAre(1, 2, 4, 30));
}

TEST_F(WebhookSenderTest, GivesUpAfterItsRetriesAndShowsTheServerOnly) {
  for (int i = 0; i < 9; ++i) http_.answers.emplace_back(Answer(503));
  const Status sent = Send();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(sent.error().message,
              HasSubstr("https://hooks.example answered with status 503; sent 5 times"));
  EXPECT_THAT(sent.error().message, Not(HasSubstr("secret")));
  EXPECT_THAT(sent.error().message, Not(HasSubstr("hidden")));
  EXPECT_THAT(http_.requests, SizeIs(5));
}

TEST_F(WebhookSenderTest, WhatIsRefusedOrSentElsewhereIsNotTriedAgain) {
  for (const int status : {301, 302, 400, 401, 404, 410}) {
    http_.answers = {Answer(status, "", {{"Location", "https://elsewhere.example/"}})};
    const Status sent = Send();
    ASSERT_FALSE(sent) << status;
    EXPECT_EQ(sent.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(sent.error().message, HasSubstr("sent 1 times"));
  }
  EXPECT_THAT(http_.requests, SizeIs(6));
  EXPECT_THAT(pause_.waits, IsEmpty());
}

TEST_F(WebhookSenderTest, NoServerKeepsItForLong) {
  http_.answers = {Answer(429, "", {{"Retry-After", "86400"}}), Answer(200)};
  ASSERT_TRUE(Send());
  EXPECT_THAT(pause_.waits, ElementsAre(60));
}

TEST_F(WebhookSenderTest, EndsWithThePause) {
  pause_.ended = true;
  http_.answers = {Answer(500), Answer(200)};
  const Status sent = Send();
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().message, HasSubstr("given up"));
  EXPECT_THAT(http_.requests, SizeIs(1));
}

TEST(CheckWebhookUrlTest, DoesNotShowWhatIsWrong) {
  EXPECT_TRUE(CheckWebhookUrl("http://127.0.0.1:8080/x?y=z"));
  EXPECT_TRUE(CheckWebhookUrl("https://hooks.example/T0/B0/c"));
  for (const char* url : {"hooks.example/secret", "ftp://hooks.example/secret", "https:///secret",
                          "https://me:secret@hooks.example/", "https://hooks.example/a secret",
                          "https://hooks.example/\nsecret"}) {
    const Status checked = CheckWebhookUrl(url);
    ASSERT_FALSE(checked) << url;
    EXPECT_EQ(checked.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(checked.error().message, Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace octolake::source
