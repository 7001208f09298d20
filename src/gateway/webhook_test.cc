// POST /webhooks/github.
#include "gateway/webhook.h"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <future>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "gateway/gateway_for_test.h"

namespace octolake::gateway {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr const char kSecret[] = "It's a Secret to Everybody";

std::string Sign(const std::string& body, const std::string& secret = kSecret) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  return "sha256=" + HexEncode({reinterpret_cast<const char*>(digest), size});
}

GatewayOptions WithSecrets(std::vector<std::string> secrets) {
  GatewayOptions options;
  options.webhook_secrets = std::move(secrets);
  return options;
}

Client::Fields FieldsOf(const std::string& body, const std::string& event = "push",
                        const std::string& delivery = "d-1") {
  return {{"Content-Type", "application/json"},
          {"X-GitHub-Event", event},
          {"X-GitHub-Delivery", delivery},
          {"X-GitHub-Hook-ID", "12"},
          {"X-Hub-Signature-256", Sign(body)}};
}

class Webhook : public testing::Test {
 protected:
  Answer Deliver(const std::string& body, const std::string& event = "push",
                 const std::string& delivery = "d-1") {
    return running_.Send("POST", "/webhooks/github", FieldsOf(body, event, delivery), body);
  }
  std::string ResultOf(const Answer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json::parse(answer.body).value("result", "");
  }
  RunningGateway running_{WithSecrets({"another", kSecret})};
};

TEST_F(Webhook, IsKeptAsItWasReceived) {
  const std::string body = R"({ "ref":"refs/heads/main" , "é":"\u00e9"})";
  EXPECT_EQ(ResultOf(Deliver(body)), "accepted");
  const auto records = running_.Records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].source, "webhook");
  EXPECT_EQ(records[0].delivery_id, "d-1");
  EXPECT_EQ(records[0].body, body);
  EXPECT_THAT(records[0].headers,
              ElementsAre(Pair("X-GitHub-Event", "push"), Pair("X-GitHub-Hook-ID", "12")));
}

TEST_F(Webhook, EveryEventNameIsKept) {
  for (const char* event : {"push", "pull_request_review_thread", "no_such_event_yet"}) {
    EXPECT_EQ(ResultOf(Deliver("{}", event, event)), "accepted");
  }
  EXPECT_EQ(running_.Records().size(), 3U);
}

TEST_F(Webhook, PingIsAnsweredAndNotKept) {
  EXPECT_EQ(ResultOf(Deliver(R"({"zen":"Keep it logically awesome."})", "ping")), "pong");
  EXPECT_THAT(running_.Records(), IsEmpty());
}

TEST_F(Webhook, AWrongSignatureIsRefusedWhateverTheBody) {
  for (const std::string& body : {std::string("{}"), std::string("not json"), std::string()}) {
    auto fields = FieldsOf(body);
    fields.back().second = Sign(body, "forged");
    const Answer answer = running_.Send("POST", "/webhooks/github", fields, body);
    EXPECT_EQ(answer.status, 401);
  }
  auto fields = FieldsOf("{}");
  fields.pop_back();
  const Answer unsigned_one = running_.Send("POST", "/webhooks/github", fields, "{}");
  EXPECT_EQ(unsigned_one.status, 401);
  EXPECT_THAT(unsigned_one.body, HasSubstr("X-Hub-Signature-256 is missing"));
  EXPECT_THAT(running_.Records(), IsEmpty());
}

TEST_F(Webhook, WhatIsNoDeliveryIsRefused) {
  EXPECT_EQ(Deliver("[1]").status, 400);
  EXPECT_EQ(Deliver("{", "push").status, 400);
  EXPECT_EQ(Deliver("{}", "push", std::string(200, 'd')).status, 400);
  auto form = FieldsOf("payload=%7B%7D");
  form[0].second = "application/x-www-form-urlencoded";
  const Answer answer = running_.Send("POST", "/webhooks/github", form, "payload=%7B%7D");
  EXPECT_EQ(answer.status, 415);
  EXPECT_THAT(answer.body, HasSubstr("application/json"));
  EXPECT_THAT(running_.Records(), IsEmpty());
}

TEST_F(Webhook, WithoutASecretNothingIsTaken) {
  RunningGateway bare;
  const Answer answer = bare.Send("POST", "/webhooks/github", FieldsOf("{}"), "{}");
  EXPECT_EQ(answer.status, 401);
  EXPECT_THAT(answer.body, HasSubstr("gateway.webhook_secrets"));
}

TEST_F(Webhook, ADeliveryIsStoredOnceAlsoAfterARestart) {
  EXPECT_EQ(ResultOf(Deliver(R"({"n":1})")), "accepted");
  EXPECT_EQ(ResultOf(Deliver(R"({"n":1})")), "duplicate");
  running_.Restart();
  EXPECT_EQ(ResultOf(Deliver(R"({"n":1})")), "duplicate");
  EXPECT_EQ(ResultOf(Deliver(R"({"n":2})", "push", "d-2")), "accepted");
  EXPECT_THAT(running_.Bodies(), ElementsAre(R"({"n":1})", R"({"n":2})"));
  EXPECT_THAT(running_.Get("/metrics").body, HasSubstr("\noctolake_webhook_duplicates_total 1\n"));
}

TEST_F(Webhook, OfEqualDeliveriesAtOnceOneIsStored) {
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [&] { return ResultOf(Deliver("{}")); }));
  }
  int accepted = 0;
  for (auto& answer : answers) accepted += answer.get() == "accepted" ? 1 : 0;
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(running_.Records().size(), 1U);
}

TEST_F(Webhook, OnlyWhatIsDurableCountsAsSeen) {
  bool broken = true;
  running_.store().before = [&](journal::MemorySegmentStore::Step step) -> Status {
    if (step != journal::MemorySegmentStore::Step::kSync || !broken) return {};
    return MakeError(ErrorKind::kIo, "fdatasync: Input/output error");
  };
  EXPECT_EQ(Deliver("{}").status, 503);
  broken = false;
  EXPECT_EQ(ResultOf(Deliver("{}")), "accepted");
  EXPECT_EQ(ResultOf(Deliver("{}")), "duplicate");
  EXPECT_EQ(running_.Records().size(), 1U);
}

}  // namespace
}  // namespace octolake::gateway
