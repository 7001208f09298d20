// Against prepared answers; tests/test_recover.py has a server.
#include "source/delivery_recovery.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "base/civil_time.h"
#include "event/webhook.h"
#include "journal/journal_for_test.h"
#include "journal/memory_segment_store_for_test.h"
#include "source/fake_http_for_test.h"

namespace octolake::source {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr TimestampMicros kNow = int64_t{1'700'000'000} * 1'000'000;
constexpr int64_t kMinute = int64_t{60} * 1'000'000;
constexpr const char kApi[] = "https://api.example";
constexpr const char kDeliveries[] = "https://api.example/repos/o/r/hooks/7/deliveries";

std::string Item(int64_t id, const std::string& guid, int status, int64_t minutes_ago,
                 bool again = false) {
  return R"({"id":)" + std::to_string(id) + R"(,"guid":")" + guid + R"(","delivered_at":")" +
         FormatTimestamp(kNow - minutes_ago * kMinute) + R"(","redelivery":)" +
         (again ? "true" : "false") + R"(,"status_code":)" + std::to_string(status) +
         R"(,"event":"push"})";
}

class DeliveryRecoveryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    limits_.segment_bytes = 1 << 20;
    Open();
    Make();
  }
  void Open() {
    deliveries_.reset();
    journal_.reset();
    auto journal = journal::Journal::Open(store_, limits_, clock_, SystemRandom());
    ASSERT_TRUE(journal) << journal.error().message;
    journal_ = std::move(*journal);
    auto deliveries = journal::DeliveryMemory::Open(*journal_, clock_, {});
    ASSERT_TRUE(deliveries) << deliveries.error().message;
    deliveries_ = std::move(*deliveries);
  }
  void Make() {
    recovery_.emplace(std::vector{*ParseHook("repos/o/r/hooks/7")}, github_, github_, *journal_,
                      *deliveries_, clock_, SystemRandom(), options_, MakeNullLogger());
  }
  static GitHubOptions Options() {
    GitHubOptions options;
    options.api_url = kApi;
    return options;
  }
  // The log has these attempts, newest first, and each a payload that names its id.
  void Log(const std::vector<std::string>& items) {
    std::string list;
    for (const std::string& item : items) list += (list.empty() ? "" : ",") + item;
    http_.pages[std::string(kDeliveries) + "?per_page=100"] = Answer(200, "[" + list + "]");
    for (int64_t id = 1; id < 10; ++id) {
      http_.pages[std::string(kDeliveries) + "/" + std::to_string(id)] =
          Answer(200, R"({"request":{"headers":{"x-github-hook-id":"7","Cookie":"no"},)"
                      R"("payload":{ "n": )" +
                          std::to_string(id) + " }}}");
    }
  }
  HookRecovery Run() {
    IgnoreProgress progress;
    auto reports = recovery_->Run(progress);
    EXPECT_EQ(reports.size(), 1u);
    return reports.front();
  }
  std::vector<journal::Record> Records() { return journal::RecordsIn(*journal_); }
  std::vector<std::string> Bodies() {
    std::vector<std::string> bodies;
    for (const auto& record : Records()) bodies.push_back(record.body);
    return bodies;
  }

  ManualClock clock_{kNow};
  FakeHttp http_;
  FakePause pause_;
  GitHubClient github_{http_, pause_, clock_, Options(), MakeNullLogger()};
  journal::MemorySegmentStore store_;
  journal::JournalOptions limits_;
  RecoveryOptions options_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<journal::DeliveryMemory> deliveries_;
  std::optional<DeliveryRecovery> recovery_;
};

TEST_F(DeliveryRecoveryTest, StoresWhatWasSentAndWhen) {
  Log({Item(2, "b", 200, 5), Item(1, "a", 500, 9)});
  const HookRecovery report = Run();
  EXPECT_EQ(report.attempts, 2);
  EXPECT_EQ(report.missing, 1);
  EXPECT_EQ(report.recovered, 1);
  const auto records = Records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].source, "webhook");
  EXPECT_EQ(records[0].delivery_id, "a");
  EXPECT_EQ(records[0].body, R"({ "n": 1 })");
  EXPECT_EQ(records[0].received_at, kNow);
  EXPECT_THAT(records[0].headers,
              ElementsAre(Pair("X-GitHub-Event", "push"), Pair("X-GitHub-Hook-ID", "7"),
                          Pair("X-Octolake-Delivered-At", FormatTimestamp(kNow - 9 * kMinute))));
  EXPECT_EQ(Run().missing, 0);
}

TEST_F(DeliveryRecoveryTest, IsKnownAfterARestart) {
  Log({Item(1, "a", 0, 9)});
  EXPECT_EQ(Run().recovered, 1);
  Open();
  Make();
  EXPECT_EQ(Run().missing, 0);
  EXPECT_EQ(Records().size(), 1u);
}

TEST_F(DeliveryRecoveryTest, OldestFirst) {
  Log({Item(5, "e", 0, 1), Item(4, "d", 0, 2), Item(3, "c", 0, 3)});
  EXPECT_EQ(Run().recovered, 3);
  EXPECT_THAT(Bodies(), ElementsAre(R"({ "n": 3 })", R"({ "n": 4 })", R"({ "n": 5 })"));
}

TEST_F(DeliveryRecoveryTest, OfMoreThanOneRunTakesTheRestIsForTheNext) {
  options_.max_missing = 2;
  Make();
  Log({Item(5, "e", 0, 1), Item(4, "d", 0, 2), Item(3, "c", 0, 3)});
  const HookRecovery first = Run();
  EXPECT_EQ(first.missing, 3);
  EXPECT_EQ(first.recovered, 1);
  EXPECT_EQ(first.left(), 2);
  EXPECT_EQ(Run().left(), 0);
  EXPECT_THAT(Bodies(), ElementsAre(R"({ "n": 3 })", R"({ "n": 4 })", R"({ "n": 5 })"));
}

TEST_F(DeliveryRecoveryTest, LaterRunsLookAtWhatIsNew) {
  Log({Item(2, "b", 200, 5), Item(1, "a", 200, 9)});
  EXPECT_EQ(Run().attempts, 2);
  clock_.Advance(180 * kMinute);
  // Attempts of before the last run's hour are not gone through again, missing or not.
  Log({Item(4, "d", 0, -170), Item(3, "c", 0, 30), Item(2, "b", 200, 65), Item(1, "a", 0, 70)});
  const HookRecovery report = Run();
  EXPECT_EQ(report.recovered, 2);
  EXPECT_EQ(report.attempts, 3);
}

TEST_F(DeliveryRecoveryTest, AnErrorLeavesTheRestAndThePlace) {
  Log({Item(2, "b", 0, 5), Item(1, "a", 0, 4000)});
  http_.pages.erase(std::string(kDeliveries) + "/2");
  HookRecovery report = Run();
  EXPECT_EQ(report.recovered, 1);
  EXPECT_EQ(report.left(), 1);
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->message, HasSubstr("no connection"));
  Log({Item(2, "b", 0, 5), Item(1, "a", 0, 4000)});
  report = Run();
  EXPECT_EQ(report.attempts, 2);
  EXPECT_EQ(report.recovered, 1);
}

TEST_F(DeliveryRecoveryTest, WhatIsGoneIsLost) {
  Log({Item(3, "c", 0, 3), Item(2, "b", 0, 4)});
  http_.pages[std::string(kDeliveries) + "/2"] = Answer(404, R"({"message":"Not Found"})");
  const HookRecovery report = Run();
  EXPECT_EQ(report.recovered, 1);
  EXPECT_EQ(report.lost, 1);
  EXPECT_EQ(report.left(), 0);
  EXPECT_FALSE(report.error);
  ASSERT_EQ(report.lost_deliveries.size(), 1u);
  EXPECT_THAT(report.lost_deliveries[0].reason, HasSubstr("404 Not Found"));
}

TEST_F(DeliveryRecoveryTest, WhatGitHubAnsweredBadlyIsAskedForAgain) {
  const std::vector<std::string> items = {Item(4, "d", 0, 2), Item(3, "c", 0, 3),
                                          Item(2, "b", 0, 4)};
  Log(items);
  http_.pages[std::string(kDeliveries) + "/3"] = Answer(200, "<html>");
  HookRecovery report = Run();
  EXPECT_EQ(report.recovered, 2);  // also what lies behind it
  EXPECT_EQ(report.lost, 0);
  EXPECT_EQ(report.left(), 1);
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->message, HasSubstr("c: GitHub's answer for it is no JSON object"));
  // Long behind what a run looks at whose forerunner was complete.
  clock_.Advance(300 * kMinute);
  Log(items);
  report = Run();
  EXPECT_EQ(report.missing, 1);
  EXPECT_EQ(report.recovered, 1);
  EXPECT_FALSE(report.error);
  EXPECT_EQ(Bodies().size(), 3u);
  // That one was complete.
  clock_.Advance(300 * kMinute);
  EXPECT_EQ(Run().missing, 0);
}

TEST_F(DeliveryRecoveryTest, WhatStaysUnusableIsLostOnceItsTimeIsOver) {
  Log({Item(4, "d", 0, 2), Item(3, "c", 0, 3)});
  http_.pages[std::string(kDeliveries) + "/3"] = Answer(200, R"({"request":{"payload":null}})");
  http_.pages[std::string(kDeliveries) + "/4"] = Answer(200, "{");
  for (int run = 0; run < 3; ++run) {
    const HookRecovery report = Run();
    EXPECT_EQ(report.missing, 2);
    EXPECT_EQ(report.lost, 0);
    ASSERT_TRUE(report.error);
    EXPECT_THAT(report.error->message, HasSubstr("of 2 deliveries"));
    clock_.Advance(23 * 60 * kMinute);
  }
  clock_.Advance(4 * 60 * kMinute);
  const HookRecovery report = Run();
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.missing, 2);
  EXPECT_EQ(report.left(), 0);
  ASSERT_EQ(report.lost_deliveries.size(), 2u);
  EXPECT_THAT(report.lost_deliveries[0].reason, HasSubstr("has no payload"));
  EXPECT_THAT(report.lost_deliveries[1].reason, HasSubstr("is no JSON object"));
  EXPECT_THAT(Records(), IsEmpty());
  EXPECT_EQ(Run().lost, 0);
}

TEST_F(DeliveryRecoveryTest, WhatIsTooLongIsLostAtOnce) {
  options_.max_payload_bytes = 9;
  Make();
  Log({Item(5, "e", 0, 1)});
  const HookRecovery report = Run();
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.left(), 0);
  ASSERT_EQ(report.lost_deliveries.size(), 1u);
  EXPECT_THAT(report.lost_deliveries[0].reason, HasSubstr("has 10 bytes, expected at most 9"));
  EXPECT_THAT(Records(), IsEmpty());
}

TEST_F(DeliveryRecoveryTest, WhatIsListedBadlyIsPassedOver) {
  Log({"7", R"({"id":1})", Item(3, std::string(200, 'x'), 0, 2), Item(1, "a", 0, 3)});
  const HookRecovery report = Run();
  EXPECT_EQ(report.attempts, 4);
  EXPECT_EQ(report.recovered, 1);
  http_.pages[std::string(kDeliveries) + "?per_page=100"] = Answer(200, R"({"message":"hm"})");
  EXPECT_THAT(Run().error->message, HasSubstr("is no list"));
}

TEST_F(DeliveryRecoveryTest, WaitsForOneThatArrivesMeanwhile) {
  Log({Item(1, "a", 0, 3)});
  for (const bool durable : {false, true}) {
    const std::string id = durable ? "b" : "a";
    if (durable) Log({Item(2, "b", 0, 3)});
    ASSERT_EQ(deliveries_->Begin(id, {}), journal::DeliveryMemory::Start::kNew);
    // Its own arrival is decided while, or before, the recovery waits for it.
    std::promise<void> fetched;
    http_.on_request = [&](const HttpRequest& request) {
      if (!request.url.ends_with("per_page=100")) fetched.set_value();
    };
    const std::jthread other([&] {
      fetched.get_future().wait();
      deliveries_->End(id, kNow, durable);
    });
    EXPECT_EQ(Run().recovered, 1);
  }
  // What came by itself is not stored again.
  EXPECT_THAT(Bodies(), ElementsAre(R"({ "n": 1 })"));
}

TEST_F(DeliveryRecoveryTest, AJournalThatTakesNothingLeavesThem) {
  Log({Item(1, "a", 0, 3)});
  journal_->Stop();
  const HookRecovery report = Run();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.left(), 1);
  EXPECT_FALSE(deliveries_->Seen("a"));
}

TEST(ParseHook, KnowsTheThreeKinds) {
  EXPECT_EQ(ParseHook("repos/o-1/r.x_/hooks/7")->path, "/repos/o-1/r.x_/hooks/7/deliveries");
  EXPECT_EQ(ParseHook("orgs/o/hooks/7")->path, "/orgs/o/hooks/7/deliveries");
  EXPECT_EQ(ParseHook("app")->path, "/app/hook/deliveries");
  for (const char* bad :
       {"", "o/r", "repos/o/r/hooks/x", "repos/o/r/hooks/", "repos/../r/hooks/1",
        "repos/o/r?x/hooks/1", "repos/o/r/hooks/1/x", "orgs/o/r/hooks/1", "orgs/o%2f/hooks/1"}) {
    EXPECT_FALSE(ParseHook(bad)) << bad;
  }
}

}  // namespace
}  // namespace octolake::source
