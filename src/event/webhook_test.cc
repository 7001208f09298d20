#include "event/webhook.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "event/event_parser.h"
#include "event/json_index.h"

namespace octolake::event {
namespace {

// 2026-01-02T03:04:05.000006Z
constexpr TimestampMicros kReceived = 1'767'323'045'000'006;

constexpr const char kPush[] =
    R"({"ref":"refs/heads/main","repository":{"id":186853002,"full_name":"ada\/engine",)"
    R"("private":true,"url":"https://github.com/ada/engine","owner":{"login":"ada"}},)"
    R"("sender":{"login":"\u0061da","id":7,"gravatar_id":"","url":"https://api/users/ada",)"
    R"("avatar_url":"https://a/7"},"organization":{"login":"lab","id":9,"url":"u"}}  )";

struct Delivery {
  explicit Delivery(std::string body_text, Headers header_list = {{"x-github-event", "push"}},
                    std::string id = "72d3162e-cc78-11e3-81ab-4c9367dc0958")
      : headers(std::move(header_list)), delivery_id(std::move(id)), body(std::move(body_text)) {
    padded = body + std::string(kJsonPadding, ' ');
    EXPECT_FALSE(index.Parse({padded.data(), body.size()})) << body;
    const char* problem = parser.Read(index, {delivery_id, kReceived, headers, body}, &row);
    reason = problem == nullptr ? "" : problem;
  }
  Headers headers;
  std::string delivery_id;
  std::string body;
  std::string padded;
  JsonIndex index{64};
  WebhookParser parser;
  EventRow row;
  std::string reason;
};

TEST(WebhookTest, FillsTheColumnsOfAPush) {
  const Delivery push(kPush);
  EXPECT_EQ(push.reason, "");
  const EventRow& row = push.row;
  EXPECT_EQ(row.id, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
  EXPECT_EQ(row.delivery_id, row.id);
  EXPECT_EQ(row.type, "PushEvent");
  EXPECT_EQ(row.is_public, false);
  EXPECT_EQ(row.actor_id, 7);
  EXPECT_EQ(row.actor_login, "ada");
  EXPECT_EQ(row.actor_gravatar_id, "");
  EXPECT_EQ(row.actor_url, "https://api/users/ada");
  EXPECT_EQ(row.actor_avatar_url, "https://a/7");
  EXPECT_EQ(row.repo_id, 186853002);
  EXPECT_EQ(row.repo_name, "ada/engine");
  EXPECT_EQ(row.repo_url, "https://github.com/ada/engine");
  EXPECT_EQ(row.org_id, 9);
  EXPECT_EQ(row.org_login, "lab");
  EXPECT_EQ(row.payload, kPush);
  EXPECT_EQ(row.created_at, "2026-01-02T03:04:05.000006Z");
  EXPECT_EQ(row.event_time, kReceived);
  EXPECT_EQ(row.extra, std::nullopt);
}

TEST(WebhookTest, LeavesNullWhatADeliveryDoesNotCarry) {
  const Delivery bare("{}", {{"X-GitHub-Event", "security_advisory"}});
  EXPECT_EQ(bare.reason, "");
  EXPECT_EQ(bare.row.type, "security_advisory");
  EXPECT_EQ(bare.row.is_public, std::nullopt);
  EXPECT_EQ(bare.row.actor_id, std::nullopt);
  EXPECT_EQ(bare.row.actor_login, std::nullopt);
  EXPECT_EQ(bare.row.repo_name, std::nullopt);
  EXPECT_EQ(bare.row.org_login, std::nullopt);
}

TEST(WebhookTest, TakesOnlyValuesOfTheRightKind) {
  const Delivery odd(R"({"sender":{"id":"7","login":8},"repository":[1],"organization":null,)"
                     R"("sender":{"id":1e3,"login":"\ud800","url":"a","url":"b"}})");
  EXPECT_EQ(odd.reason, "");
  EXPECT_EQ(odd.row.actor_id, std::nullopt);
  EXPECT_EQ(odd.row.actor_login, std::nullopt);
  EXPECT_EQ(odd.row.actor_url, "b");
  EXPECT_EQ(odd.row.repo_id, std::nullopt);
  EXPECT_EQ(odd.row.org_id, std::nullopt);
}

TEST(WebhookTest, KeepsOtherHeadersInExtra) {
  const Delivery one(
      "{}",
      {{"X-GitHub-Event", "star"}, {"X-GitHub-Hook-ID", "292430182"}, {"X-Odd", "caf\xE9 \"q\""}});
  EXPECT_EQ(one.row.type, "star");
  EXPECT_EQ(
      one.row.extra,
      "{\"headers\":{\"X-GitHub-Hook-ID\":\"292430182\",\"X-Odd\":\"caf\xC3\xA9 \\\"q\\\"\"}}");
}

TEST(WebhookTest, ARecoveredDeliveryHasTheTimeOfGitHubsAttempt) {
  const Delivery recovered(
      "{}", {{"X-GitHub-Event", "issues"}, {"X-Octolake-Delivered-At", "2026-01-01T22:00:00Z"}});
  EXPECT_EQ(recovered.row.created_at, "2026-01-01T22:00:00Z");
  EXPECT_EQ(recovered.row.event_time, 1'767'304'800'000'000);
  EXPECT_EQ(recovered.row.extra, std::nullopt);
  const Delivery bad("{}", {{"X-GitHub-Event", "issues"}, {"X-Octolake-Delivered-At", "once"}});
  EXPECT_EQ(bad.row.event_time, kReceived);
}

TEST(WebhookTest, WithoutNameOrIdThereIsNoRow) {
  EXPECT_EQ(Delivery("{}", {}).reason, kNoEventName);
  EXPECT_EQ(Delivery("{}", {{"X-GitHub-Event", ""}}).reason, kNoEventName);
  EXPECT_EQ(Delivery("{}", {{"X-GitHub-Event", "push"}}, "").reason, kNoDeliveryId);
  EXPECT_EQ(Delivery("[]").reason, kNotAnObject);
}

TEST(WebhookTest, TypesAreThoseOfTheEventsApiWhereThereAre) {
  EXPECT_EQ(TypeOfWebhook("commit_comment"), "CommitCommentEvent");
  EXPECT_EQ(TypeOfWebhook("pull_request_review_thread"), "PullRequestReviewThreadEvent");
  EXPECT_EQ(TypeOfWebhook("watch"), "WatchEvent");
  EXPECT_EQ(TypeOfWebhook("team_add"), "TeamAddEvent");
  EXPECT_EQ(TypeOfWebhook("public"), "PublicEvent");
  for (const char* name : {"branch_protection_rule",
                           "check_run",
                           "check_suite",
                           "custom_property",
                           "dependabot_alert",
                           "deployment",
                           "discussion_comment",
                           "installation",
                           "label",
                           "merge_group",
                           "meta",
                           "milestone",
                           "organization",
                           "package",
                           "page_build",
                           "ping",
                           "projects_v2_item",
                           "repository",
                           "repository_dispatch",
                           "secret_scanning_alert",
                           "star",
                           "status",
                           "sub_issues",
                           "team",
                           "workflow_job",
                           "workflow_run",
                           "a_name_of_tomorrow",
                           "",
                           "PUSH",
                           "zzz"}) {
    EXPECT_EQ(TypeOfWebhook(name), name);
  }
}

}  // namespace
}  // namespace octolake::event
