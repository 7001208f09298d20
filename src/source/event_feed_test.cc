// Of a feed that changes between polls, and between the pages of one, every event is given once.
#include "source/event_feed.h"

#include <gmock/gmock.h>

#include <functional>
#include <string>

#include "base/logging.h"
#include "source/fake_http_for_test.h"

namespace octolake::source {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kApi[] = "https://api.test";

constexpr size_t kShown = 300;

// A feed as GitHub shows it: the newest first, in pages, with an ETag over the first.
class FakeEvents final : public HttpClient {
 public:
  Result<HttpResponse> Send(const HttpRequest& request, const BodySink& /*sink*/) override {
    requests.push_back(request);
    if (before_answer) before_answer(requests.size());
    HttpResponse response;
    response.status = failing_request == requests.size() ? 404 : 200;
    if (response.status != 200) return response;
    const size_t page = PageOf(request.url);
    response.body = Page(page);
    response.headers = {{"ETag", Etag()}, {"X-Poll-Interval", "60"}};
    if (page * page_size < std::min(timeline.size(), kShown)) {
      response.headers.emplace_back("Link", "<" + std::string(kApi) + "/x?page=" +
                                                std::to_string(page + 1) + ">; rel=\"next\"");
    }
    for (const std::string& header : request.headers) {
      if (header != "If-None-Match: " + Etag()) continue;
      response.status = 304;
      response.body.clear();
    }
    return response;
  }
  void Cancel() override {}

  // Newest last.
  void Add(int first, int last) {
    for (int id = first; id <= last; ++id) AddText(EventText(std::to_string(id), id));
  }
  void AddText(std::string text) { timeline.insert(timeline.begin(), std::move(text)); }
  static std::string EventText(const std::string& id, int minute) {
    char time[32];
    std::snprintf(time, sizeof time, "2026-01-%02dT%02d:%02d:00Z", 1 + minute / 1440,
                  minute / 60 % 24, minute % 60);
    return R"({"id":")" + id + R"(","type":"WatchEvent","created_at":")" + time + R"("})";
  }

  std::vector<std::string> timeline;
  size_t page_size = 100;
  bool hides_first_page = false;  // as if nobody might see its events
  size_t failing_request = 0;     // 1: the first
  std::function<void(size_t request)> before_answer;
  std::vector<HttpRequest> requests;

 private:
  static size_t PageOf(const std::string& url) {
    const size_t at = url.find("?page=");
    return at == std::string::npos ? 1 : std::stoul(url.substr(at + 6));
  }
  std::string Page(size_t page) const {
    if (hides_first_page && page == 1) return "[]";
    std::string body;
    const size_t end = std::min({page * page_size, timeline.size(), kShown});
    for (size_t i = (page - 1) * page_size; i < end; ++i) {
      body += (body.empty() ? "[" : ",\n  ") + timeline[i];
    }
    return body.empty() ? "[]" : body + "]";
  }
  std::string Etag() const {
    return "W/\"" + std::to_string(std::hash<std::string>()(Page(1))) + "\"";
  }
};

class EventFeedTest : public ::testing::Test {
 protected:
  FeedPoll Poll() {
    github_.requests.clear();
    auto poll = TryPoll();
    EXPECT_TRUE(poll) << poll.error().message;
    if (!poll) return {};
    if (!poll->not_modified) {
      state_ = poll->state;
      for (const std::string& event : poll->events) kept_.push_back(event);
    }
    return *std::move(poll);
  }
  Result<FeedPoll> TryPoll() {
    GitHubOptions options;
    options.api_url = kApi;
    options.max_tries = 1;
    GitHubClient client(github_, pause_, SystemClock(), options, MakeNullLogger());
    return EventFeed(client, *ParseFeed("repos/octo/lake")).Poll(state_);
  }
  std::vector<std::string> Ids(int first, int last) {
    std::vector<std::string> ids;
    for (int id = first; id <= last; ++id) ids.push_back(std::to_string(id));
    if (first > last) {
      for (int id = first; id >= last; --id) ids.push_back(std::to_string(id));
    }
    return ids;
  }
  // What every poll so far gave, against the whole timeline.
  void ExpectAllKeptOnce() {
    std::vector<std::string> all(github_.timeline.rbegin(), github_.timeline.rend());
    EXPECT_THAT(kept_, ::testing::UnorderedElementsAreArray(all));
  }

  FakeEvents github_;
  FakePause pause_;
  FeedState state_;
  std::vector<std::string> kept_;
};

TEST_F(EventFeedTest, TheFirstPollTakesEveryPageOldestEventFirst) {
  github_.Add(1, 250);
  const FeedPoll poll = Poll();
  EXPECT_EQ(poll.pages, 3);
  EXPECT_EQ(github_.requests.at(0).url, std::string(kApi) + "/repos/octo/lake/events?per_page=100");
  std::vector<std::string> expected(github_.timeline.rbegin(), github_.timeline.rend());
  EXPECT_EQ(poll.events, expected);
  EXPECT_EQ(poll.known, 0);
  EXPECT_FALSE(poll.gap);
  EXPECT_EQ(poll.interval_seconds, 60);
  EXPECT_EQ(poll.state.ids, Ids(250, 1));
  EXPECT_EQ(poll.state.newest, "2026-01-01T04:10:00Z");
  EXPECT_THAT(poll.state.etag, StartsWith("W/\""));
}

TEST_F(EventFeedTest, WithoutNewsTheFirstPageIsAskedForOnly) {
  github_.Add(1, 250);
  Poll();
  const FeedPoll poll = Poll();
  EXPECT_TRUE(poll.not_modified);
  EXPECT_EQ(poll.pages, 1);
  EXPECT_THAT(poll.events, IsEmpty());
  EXPECT_EQ(poll.interval_seconds, 60);
  EXPECT_THAT(github_.requests.at(0).headers, Contains("If-None-Match: " + state_.etag));
}

TEST_F(EventFeedTest, ReadsUntilAPageHasKnownEventsOnly) {
  github_.Add(1, 250);
  Poll();
  github_.Add(251, 260);
  const FeedPoll poll = Poll();
  EXPECT_EQ(poll.pages, 2);
  EXPECT_THAT(poll.events, SizeIs(10));
  EXPECT_EQ(poll.known, 190);
  EXPECT_EQ(poll.state.ids, Ids(260, 1));
  // Only the first page is asked for with the ETag, which is of the first page.
  EXPECT_THAT(github_.requests.at(1).headers, Not(Contains(StartsWith("If-None-Match"))));
  ExpectAllKeptOnce();
}

TEST_F(EventFeedTest, AForgottenEtagCostsOneRequest) {
  github_.Add(1, 250);
  Poll();
  state_.etag.clear();
  const FeedPoll poll = Poll();
  EXPECT_EQ(poll.pages, 1);
  EXPECT_THAT(poll.events, IsEmpty());
  EXPECT_EQ(poll.known, 100);
  EXPECT_FALSE(poll.gap);
  EXPECT_EQ(poll.state.ids, Ids(250, 1));
}

TEST_F(EventFeedTest, PagesThatShiftGiveNoEventTwice) {
  github_.Add(1, 150);
  github_.before_answer = [this](size_t request) {
    if (request == 2) github_.Add(151, 190);
  };
  const FeedPoll first = Poll();
  EXPECT_EQ(first.pages, 2);
  EXPECT_THAT(first.events, SizeIs(150));
  EXPECT_EQ(first.known, 0);
  EXPECT_EQ(first.state.ids, Ids(150, 1));
  github_.before_answer = nullptr;
  EXPECT_THAT(Poll().events, SizeIs(40));
  ExpectAllKeptOnce();
}

TEST_F(EventFeedTest, APageThatShiftedAsAWholeIsNotTheEnd) {
  github_.Add(1, 50);
  Poll();
  github_.Add(51, 200);
  github_.before_answer = [this](size_t request) {
    if (request == 2) github_.Add(201, 300);
  };
  // The second page has what the first had had; the third has the rest of what is new.
  EXPECT_THAT(Poll().events, SizeIs(150));
  github_.before_answer = nullptr;
  EXPECT_THAT(Poll().events, SizeIs(100));
  ExpectAllKeptOnce();
}

TEST_F(EventFeedTest, OrderDoesNotMatter) {
  github_.Add(1, 90);
  github_.AddText(FakeEvents::EventText("15065589085", 91));
  github_.AddText(FakeEvents::EventText("21190554125", 5));
  Poll();
  // Late ones, among older ones.
  github_.timeline.insert(github_.timeline.begin() + 20, FakeEvents::EventText("7000", 70));
  github_.AddText(FakeEvents::EventText("150", 92));
  const FeedPoll poll = Poll();
  EXPECT_THAT(poll.events, ElementsAre(HasSubstr("\"7000\""), HasSubstr("\"150\"")));
  EXPECT_FALSE(poll.gap);
  ExpectAllKeptOnce();
}

TEST_F(EventFeedTest, NoKnownEventAmongThoseReadIsAGap) {
  github_.Add(1, 100);
  EXPECT_FALSE(Poll().gap);
  github_.Add(101, 400);
  const FeedPoll poll = Poll();
  EXPECT_EQ(poll.pages, 3);
  EXPECT_THAT(poll.events, SizeIs(300));
  ASSERT_TRUE(poll.gap);
  EXPECT_EQ(poll.gap->after, "2026-01-01T01:40:00Z");
  EXPECT_EQ(poll.gap->before, "2026-01-01T01:41:00Z");
  EXPECT_EQ(state_.ids, Ids(400, 1));
  github_.Add(401, 699);
  EXPECT_FALSE(Poll().gap);
  EXPECT_THAT(kept_, SizeIs(100 + 300 + 299));
}

TEST_F(EventFeedTest, NoMoreThanTheLast500AreKept) {
  for (int round = 0; round < 9; ++round) {
    github_.Add(round * 80 + 1, round * 80 + 80);
    EXPECT_THAT(Poll().events, SizeIs(80));
  }
  EXPECT_EQ(state_.ids, Ids(720, 221));
  ExpectAllKeptOnce();
}

TEST_F(EventFeedTest, PagesMayBeOfAnotherSize) {
  github_.page_size = 30;
  github_.Add(1, 300);
  EXPECT_EQ(Poll().pages, 10);
  ExpectAllKeptOnce();
}

TEST_F(EventFeedTest, AnEmptyPageIsNotTheEnd) {
  github_.Add(1, 150);
  github_.hides_first_page = true;
  const FeedPoll poll = Poll();
  EXPECT_EQ(poll.pages, 2);
  EXPECT_THAT(poll.events, SizeIs(50));
}

TEST_F(EventFeedTest, TextsAreGivenAsReceived) {
  const std::string odd = "{ \"payload\":{\"a\" : 1.0e0,\"b\":\"\\u00e9\\/\"},\"id\" :\"9\" }";
  github_.AddText(odd);
  github_.AddText("{\"id\":123456789012345678901234567890,\"x\":[]}");
  EXPECT_THAT(Poll().events, ElementsAre(odd, github_.timeline.front()));
  EXPECT_THAT(state_.ids, ElementsAre("123456789012345678901234567890", "9"));
}

TEST_F(EventFeedTest, WhatHasNoPlainIdIsKnownByItsDigest) {
  const std::string long_id(1000, '7');
  for (const std::string& text :
       {std::string("{\"id\":\"a b\"}"), std::string("{\"id\":null,\"n\":1}"), std::string("5"),
        std::string("\"text\""), std::string("{}"), "{\"id\":\"" + long_id + "\"}"}) {
    github_.AddText(text);
  }
  EXPECT_THAT(Poll().events, SizeIs(6));
  EXPECT_THAT(state_.ids, ::testing::Each(StartsWith("sha256:")));
  EXPECT_THAT(state_.ids, ::testing::Each(SizeIs(39)));
  state_.etag.clear();
  EXPECT_THAT(Poll().events, IsEmpty());
  EXPECT_EQ(ParseFeedState(FeedStateText(state_))->ids, state_.ids);
}

TEST_F(EventFeedTest, APageThatCannotBeHadFailsThePoll) {
  github_.Add(1, 250);
  github_.failing_request = 3;
  const auto poll = TryPoll();
  ASSERT_FALSE(poll);
  EXPECT_EQ(poll.error().kind, ErrorKind::kNotFound);
  github_.failing_request = 0;
  EXPECT_THAT(Poll().events, SizeIs(250));
}

TEST_F(EventFeedTest, AnAnswerThatIsNoListFailsThePoll) {
  class Fixed final : public HttpClient {
   public:
    Result<HttpResponse> Send(const HttpRequest& /*request*/, const BodySink& /*sink*/) override {
      return HttpResponse{200, {}, body};
    }
    void Cancel() override {}
    std::string body;
  } http;
  GitHubClient client(http, pause_, SystemClock(), {}, MakeNullLogger());
  for (const char* body : {"", "{}", "[{}", "[{}] {}", "<html>", "\xFF[]"}) {
    http.body = body;
    const auto poll = EventFeed(client, *ParseFeed("public")).Poll({});
    ASSERT_FALSE(poll) << body;
    EXPECT_EQ(poll.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(poll.error().message, HasSubstr("no list"));
  }
  http.body = "[]";
  EXPECT_THAT(EventFeed(client, *ParseFeed("public")).Poll({})->events, IsEmpty());
}

TEST(FeedStateTest, IsOneLineAndReadBack) {
  const FeedState state{"W/\"a\"", "2026-01-02T00:00:00Z", {"103", "102"}};
  const std::string text =
      R"({"etag":"W/\"a\"","newest":"2026-01-02T00:00:00Z","ids":["103","102"]})";
  EXPECT_EQ(FeedStateText(state), text);
  const auto parsed = ParseFeedState(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->etag, state.etag);
  EXPECT_EQ(parsed->newest, state.newest);
  EXPECT_EQ(parsed->ids, state.ids);
  EXPECT_THAT(ParseFeedState("")->ids, IsEmpty());
  for (const char* other : {"[]", "{}", R"({"etag":"","ids":"1"})", R"({"etag":"","ids":[1]})"}) {
    EXPECT_EQ(ParseFeedState(other).error().kind, ErrorKind::kCorruption) << other;
  }
}

TEST(FeedTest, NamesAndPaths) {
  EXPECT_EQ(ParseFeed("repos/Octo/Lake.js")->name, "repos/octo/lake.js");
  EXPECT_EQ(ParseFeed("repos/Octo/Lake.js")->path, "/repos/octo/lake.js/events");
  EXPECT_EQ(ParseFeed("orgs/octo")->path, "/orgs/octo/events");
  EXPECT_EQ(ParseFeed("users/dependabot[bot]")->name, "users/dependabot[bot]");
  EXPECT_EQ(ParseFeed("users/dependabot[bot]")->path, "/users/dependabot%5Bbot%5D/events");
  EXPECT_EQ(ParseFeed("public")->path, "/events");
  for (const char* name :
       {"", "octo", "repos/octo", "repos/octo/", "repos/a/b/c", "orgs/octo/x", "orgs/", "users/a?b",
        "users/a b", "users/[bot]", "repos/../lake", "public/x", "networks/octo"}) {
    const auto feed = ParseFeed(name);
    ASSERT_FALSE(feed) << name;
    EXPECT_EQ(feed.error().kind, ErrorKind::kInvalidArgument);
  }
}

}  // namespace
}  // namespace octolake::source
