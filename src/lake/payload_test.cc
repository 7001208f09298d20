#include "lake/payload.h"

#include <gtest/gtest.h>

#include <string>

namespace octolake::lake {
namespace {

// 2015-01-02T03:04:05Z
constexpr Instant kTime{1'420'167'845'000'000};

class PayloadTest : public ::testing::Test {
 protected:
  // The text must live as long as the fields: it is kept here.
  PayloadFields Parse(const std::string& type, const std::string& json) {
    json_ = json;
    return parser_.Parse(type, json_, json_.size());
  }

  std::string json_;
  PayloadParser parser_;
};

TEST_F(PayloadTest, PushOf2015) {
  const auto f = Parse("PushEvent",
                       R"({"push_id":1,"size":25,"distinct_size":3,"ref":"refs/heads/main",
                           "head":"bbb","before":"aaa","commits":[{"sha":"x","distinct":true}]})");
  EXPECT_EQ(f.push_size, 25);  // not the length of commits, of which at most 20 are listed
  EXPECT_EQ(f.push_distinct_size, 3);
  EXPECT_EQ(f.push_head_sha, "bbb");
  EXPECT_EQ(f.push_before_sha, "aaa");
  EXPECT_EQ(f.payload_ref, "refs/heads/main");
  EXPECT_EQ(f.payload_action, std::nullopt);
}

// Sums and scores are computed from sizes: one event must not be able to overflow them for good.
TEST_F(PayloadTest, PushSizesNoPushCanHaveAreNone) {
  const auto huge =
      Parse("PushEvent", R"({"size":9223372036854775807,"distinct_size":2147483648})");
  EXPECT_EQ(huge.push_size, std::nullopt);
  EXPECT_EQ(huge.push_distinct_size, std::nullopt);
  const auto mixed = Parse("PushEvent", R"({"size":2147483647,"distinct_size":-1})");
  EXPECT_EQ(mixed.push_size, 2147483647);
  EXPECT_EQ(mixed.push_distinct_size, std::nullopt);
}

TEST_F(PayloadTest, PushOfTheTimeline) {
  const auto f = Parse("PushEvent", R"({"shas":[["a","b","c","d",true]],"size":1,
                                        "ref":"refs/heads/x","head":"hhh"})");
  EXPECT_EQ(f.push_size, 1);
  EXPECT_EQ(f.push_distinct_size, std::nullopt);
  EXPECT_EQ(f.push_head_sha, "hhh");
  EXPECT_EQ(f.push_before_sha, std::nullopt);
}

TEST_F(PayloadTest, PushAfterOctober2025HasNoSize) {
  const auto f = Parse("PushEvent", R"({"before":"a","head":"h","push_id":5,
                                        "ref":"refs/heads/main","repository_id":3})");
  EXPECT_EQ(f.push_size, std::nullopt);
  EXPECT_EQ(f.push_distinct_size, std::nullopt);
  EXPECT_EQ(f.push_head_sha, "h");
  EXPECT_EQ(f.push_before_sha, "a");
}

TEST_F(PayloadTest, PushSeenThroughAWebhook) {
  const auto f = Parse("PushEvent",
                       R"({"ref":"refs/heads/main","before":"a","after":"h","commits":[
                           {"distinct":true},{"distinct":false},{"distinct":true}]})");
  EXPECT_EQ(f.push_size, 3);
  EXPECT_EQ(f.push_distinct_size, 2);
  EXPECT_EQ(f.push_head_sha, "h");
  EXPECT_EQ(f.push_before_sha, "a");
}

TEST_F(PayloadTest, OnlyPushesHavePushColumns) {
  const auto f = Parse("PullRequestEvent", R"({"action":"synchronize","before":"a","after":"b",
                                               "size":3,"head":"h"})");
  EXPECT_EQ(f.push_size, std::nullopt);
  EXPECT_EQ(f.push_head_sha, std::nullopt);
  EXPECT_EQ(f.push_before_sha, std::nullopt);
}

TEST_F(PayloadTest, PullRequestOf2015) {
  const auto f = Parse("PullRequestEvent", R"({"action":"closed","number":12,"pull_request":{
      "id":99,"number":13,"state":"closed","title":"A \"title\" \u00e9","merged":true,
      "merged_at":"2015-01-02T03:04:05Z","created_at":"2015-01-02T03:04:05Z",
      "closed_at":"2015-01-02T03:04:05Z","user":{"login":"ada","id":1},"base":{"ref":"main"},
      "head":{"ref":"topic"},"additions":1,"deletions":2,"changed_files":3,"commits":4}})");
  EXPECT_EQ(f.payload_action, "closed");
  EXPECT_EQ(f.pull_request_id, 99);
  EXPECT_EQ(f.pull_request_number, 13);
  EXPECT_EQ(f.pull_request_state, "closed");
  EXPECT_EQ(f.pull_request_title, "A \"title\" \xC3\xA9");
  EXPECT_EQ(f.pull_request_merged, true);
  EXPECT_EQ(f.pull_request_merged_at, kTime);
  EXPECT_EQ(f.pull_request_author_login, "ada");
  EXPECT_EQ(f.pull_request_created_at, kTime);
  EXPECT_EQ(f.pull_request_closed_at, kTime);
  EXPECT_EQ(f.pull_request_additions, 1);
  EXPECT_EQ(f.pull_request_deletions, 2);
  EXPECT_EQ(f.pull_request_changed_files, 3);
  EXPECT_EQ(f.pull_request_commits, 4);
  EXPECT_EQ(f.pull_request_base_ref, "main");
  EXPECT_EQ(f.issue_number, std::nullopt);
}

struct TrimmedCase {
  const char* action;
  OptionalFlag merged;
  OptionalText state;
};

TEST_F(PayloadTest, PullRequestAfterOctober2025IsReadFromItsAction) {
  const TrimmedCase cases[] = {
      {"merged", true, "closed"},
      {"closed", false, "closed"},
      {"opened", std::nullopt, "open"},
      {"reopened", std::nullopt, "open"},
      {"assigned", std::nullopt, std::nullopt},
  };
  for (const TrimmedCase& c : cases) {
    const auto f = Parse("PullRequestEvent", std::string(R"({"pull_request":{"base":{"ref":"dev"},
        "head":{"ref":"t"},"id":4,"number":5,"url":"u"},"number":5,"action":")") +
                                                 c.action + "\"}");
    EXPECT_EQ(f.pull_request_merged, c.merged) << c.action;
    EXPECT_EQ(f.pull_request_state, c.state) << c.action;
    EXPECT_EQ(f.pull_request_title, std::nullopt) << c.action;
    EXPECT_EQ(f.pull_request_merged_at, std::nullopt) << c.action;
    EXPECT_EQ(f.pull_request_id, 4) << c.action;
    EXPECT_EQ(f.pull_request_base_ref, "dev") << c.action;
  }
}

// In 2011 a pull request had a title but neither state nor merged, and "closed" said nothing of a
// merge.
TEST_F(PayloadTest, EarlyPullRequestsAreNotTakenForTrimmedOnes) {
  const auto f = Parse("PullRequestEvent",
                       R"({"action":"closed","number":7,"pull_request":{"title":"t","number":7,
                           "id":3,"commits":2,"additions":1,"deletions":0,"issue_id":11}})");
  EXPECT_EQ(f.pull_request_merged, std::nullopt);
  EXPECT_EQ(f.pull_request_state, std::nullopt);
  EXPECT_EQ(f.pull_request_title, "t");
}

TEST_F(PayloadTest, PullRequestThatIsNoObject) {
  for (const char* value : {"123", "null", "\"x\"", "[]", "true"}) {
    const auto f = Parse("PullRequestEvent", std::string(R"({"action":"closed","number":8,)") +
                                                 "\"pull_request\":" + value + "}");
    EXPECT_EQ(f.pull_request_number, 8) << value;
    EXPECT_EQ(f.pull_request_merged, std::nullopt) << value;
    EXPECT_EQ(f.pull_request_state, std::nullopt) << value;
    EXPECT_EQ(f.payload_action, "closed") << value;
  }
}

TEST_F(PayloadTest, ReviewsCarryAPullRequest) {
  const auto f = Parse("PullRequestReviewEvent", R"({"action":"created","review":{"id":1,
      "state":"approved"},"pull_request":{"number":2,"state":"open","title":"t"}})");
  EXPECT_EQ(f.review_state, "approved");
  EXPECT_EQ(f.pull_request_number, 2);
  EXPECT_EQ(f.pull_request_state, "open");
  EXPECT_EQ(f.pull_request_merged, std::nullopt);
}

TEST_F(PayloadTest, IssueOf2015) {
  const auto f = Parse("IssueCommentEvent", R"({"action":"created","issue":{"number":3,
      "title":"T","state":"open","user":{"login":"bob"},"created_at":"2015-01-02T03:04:05Z",
      "closed_at":null,"comments":17,"pull_request":{"url":"https://p"}},"comment":{"id":55}})");
  EXPECT_EQ(f.issue_number, 3);
  EXPECT_EQ(f.issue_title, "T");
  EXPECT_EQ(f.issue_state, "open");
  EXPECT_EQ(f.issue_author_login, "bob");
  EXPECT_EQ(f.issue_created_at, kTime);
  EXPECT_EQ(f.issue_closed_at, std::nullopt);
  EXPECT_EQ(f.issue_comments, 17);
  EXPECT_EQ(f.issue_is_pull_request, true);
  EXPECT_EQ(f.comment_id, 55);
  EXPECT_EQ(f.pull_request_number, std::nullopt);
}

TEST_F(PayloadTest, IssueIsAPullRequestOnlyWithAnAddress) {
  const std::string begin = R"({"issue":{"number":3)";
  EXPECT_EQ(Parse("IssuesEvent", begin + "}}").issue_is_pull_request, false);
  EXPECT_EQ(Parse("IssuesEvent", begin + R"(,"pull_request":{"html_url":null,"diff_url":null}}})")
                .issue_is_pull_request,
            false);
  EXPECT_EQ(Parse("IssuesEvent", R"({"issue":5})").issue_is_pull_request, std::nullopt);
}

TEST_F(PayloadTest, IssueOfTheTimelineIsAnInternalIdAndItsNumberStandsBesideIt) {
  const auto issue = Parse("IssuesEvent", R"({"number":42,"action":"opened","issue":77777})");
  EXPECT_EQ(issue.issue_number, 42);
  EXPECT_EQ(issue.issue_title, std::nullopt);
  EXPECT_EQ(issue.pull_request_number, std::nullopt);
  const auto comment = Parse("IssueCommentEvent", R"({"issue_id":88888,"comment_id":9})");
  EXPECT_EQ(comment.issue_number, std::nullopt);
  EXPECT_EQ(comment.comment_id, 9);
  EXPECT_EQ(Parse("PullRequestEvent", R"({"number":6})").issue_number, std::nullopt);
}

TEST_F(PayloadTest, OtherObjects) {
  const auto fork = Parse("ForkEvent", R"({"forkee":{"id":8,"full_name":"ada/fork"}})");
  EXPECT_EQ(fork.fork_id, 8);
  EXPECT_EQ(fork.fork_full_name, "ada/fork");
  EXPECT_EQ(Parse("ForkEvent", R"({"forkee":123})").fork_id, std::nullopt);
  EXPECT_EQ(Parse("ReleaseEvent", R"({"release":{"tag_name":"v1"}})").release_tag, "v1");
  EXPECT_EQ(Parse("MemberEvent", R"({"member":{"login":"eve"}})").member_login, "eve");
  EXPECT_EQ(Parse("MemberEvent", R"({"member":"eve"})").member_login, std::nullopt);
  const auto create = Parse("CreateEvent", R"({"ref":null,"ref_type":"repository"})");
  EXPECT_EQ(create.payload_ref, std::nullopt);
  EXPECT_EQ(create.payload_ref_type, "repository");
}

TEST_F(PayloadTest, ValuesOfOtherKindsAreNull) {
  const auto f = Parse("PushEvent", R"({"size":"3","distinct_size":1.5,"head":7,"before":{},
      "ref":["x"],"action":true,"issue":{"number":123456789012345678901234567890,"comments":-1,
      "created_at":"yesterday","closed_at":5}})");
  EXPECT_EQ(f.push_size, std::nullopt);
  EXPECT_EQ(f.push_distinct_size, std::nullopt);
  EXPECT_EQ(f.push_head_sha, std::nullopt);
  EXPECT_EQ(f.push_before_sha, std::nullopt);
  EXPECT_EQ(f.payload_ref, std::nullopt);
  EXPECT_EQ(f.payload_action, std::nullopt);
  EXPECT_EQ(f.issue_number, std::nullopt);
  EXPECT_EQ(f.issue_comments, -1);
  EXPECT_EQ(f.issue_created_at, std::nullopt);
  EXPECT_EQ(f.issue_closed_at, std::nullopt);
}

TEST_F(PayloadTest, BothDateStyles) {
  const auto f = Parse("IssuesEvent", R"({"issue":{"created_at":"2015/01/01 19:04:05 -0800"}})");
  EXPECT_EQ(f.issue_created_at, kTime);
}

TEST_F(PayloadTest, WhatIsNoObjectHasNoFields) {
  for (const char* json : {"null", "3", "\"action\"", "[{\"action\":\"x\"}]", "{}", "", " ",
                           "{\"action\":\"x\"", "{\"action\":\"x\",}", "{\"ref\":nul}"}) {
    EXPECT_EQ(Parse("IssuesEvent", json).payload_action, std::nullopt) << json;
  }
}

TEST_F(PayloadTest, EscapedNamesAndLoneSurrogates) {
  const auto f = Parse("IssuesEvent", R"({"\u0061ction":"open\ud800ed"})");
  EXPECT_EQ(f.payload_action,
            "open\xEF\xBF\xBD"
            "ed");
}

TEST_F(PayloadTest, TheSameWithPaddingBehindTheText) {
  const std::string json = R"({"action":"opened","number":5})";
  const std::string padded = json + std::string(200, '}');
  const auto f =
      parser_.Parse("IssuesEvent", std::string_view(padded).substr(0, json.size()), padded.size());
  EXPECT_EQ(f.payload_action, "opened");
  EXPECT_EQ(f.issue_number, 5);
}

}  // namespace
}  // namespace octolake::lake
