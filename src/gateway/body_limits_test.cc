// Bodies that are many, large, or never end.
#include <chrono>

#include "gateway/gateway_for_test.h"

namespace octolake::gateway {
namespace {

const Client::Fields kToken = {{"Authorization", "Bearer t"}};

// A webhook's head, and some of the body that it announces. Its signature is nobody's.
std::string BeginWebhook(int64_t announced, const std::string& body) {
  return "POST /webhooks/github HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
         "X-GitHub-Event: push\r\nX-GitHub-Delivery: d\r\nX-Hub-Signature-256: sha256=00\r\n"
         "Content-Length: " +
         std::to_string(announced) + "\r\n\r\n" + body;
}

void AwaitBodies(RunningGateway& running, int64_t bytes) {
  const std::string line = "\noctolake_bodies_bytes " + std::to_string(bytes) + "\n";
  while (running.Send("GET", "/metrics", kToken, "").body.find(line) == std::string::npos) {
  }
}

GatewayOptions WithWebhooks(int64_t max_bytes_in_flight) {
  GatewayOptions options;
  options.tokens = {"t"};
  options.webhook_secrets = {"s"};
  options.max_bytes_in_flight = max_bytes_in_flight;
  return options;
}

TEST(BodyLimits, OfAllRequestsTogether) {
  RunningGateway running(WithWebhooks(5000));
  const auto first = running.Connect();
  const std::string half = R"({"a":")" + std::string(2994, 'x');
  ASSERT_TRUE(
      first->SendBytes("POST /collect HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
                       "t\r\nContent-Length: 3002\r\n\r\n" +
                       half));
  AwaitBodies(running, 3000);
  const Answer second = running.Send("POST", "/collect", kToken, half + "\"}");
  EXPECT_EQ(second.status, 503);
  EXPECT_EQ(FieldOf(second, "Retry-After"), "1");
  ASSERT_TRUE(first->SendBytes("\"}"));
  EXPECT_EQ(first->ReadAnswer()->status, 200);
  EXPECT_EQ(running.Send("POST", "/collect", kToken, half + "\"}").status, 200);
}

TEST(BodyLimits, StrangersLeaveHalfToKnownSenders) {
  RunningGateway running(WithWebhooks(6000));
  const auto stranger = running.Connect();
  ASSERT_TRUE(stranger->SendBytes(BeginWebhook(4000, std::string(2900, ' '))));
  AwaitBodies(running, 2900);
  const auto next = running.Connect();
  ASSERT_TRUE(next->SendBytes(BeginWebhook(101, std::string(101, ' '))));
  const auto refused = next->ReadAnswer();
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(FieldOf(*refused, "Retry-After"), "1");
  // Two of them, which stay within the whole.
  const std::string event = R"({"a":")" + std::string(2990, 'x') + "\"}";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(running.Send("POST", "/collect", kToken, event).status, 200);
  }
  // What a stranger took is there for the next one when it is gone.
  ASSERT_TRUE(stranger->SendBytes(std::string(100, ' ')));
  AwaitBodies(running, 3000);
  ASSERT_TRUE(stranger->SendBytes(" "));
  const auto too_much = stranger->ReadAnswer();
  ASSERT_TRUE(too_much) << too_much.error().message;
  EXPECT_EQ(too_much->status, 503);
  AwaitBodies(running, 0);
  const auto third = running.Connect();
  ASSERT_TRUE(third->SendBytes(BeginWebhook(4000, std::string(3000, ' '))));
  AwaitBodies(running, 3000);
}

TEST(BodyLimits, KnownSendersMayTakeWhatStrangersDoNot) {
  RunningGateway running(WithWebhooks(6000));
  const auto known = running.Connect();
  ASSERT_TRUE(
      known->SendBytes("POST /collect HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
                       "t\r\nContent-Length: 5900\r\n\r\n" +
                       std::string(5800, ' ')));
  AwaitBodies(running, 5800);
  const auto stranger = running.Connect();
  ASSERT_TRUE(stranger->SendBytes(BeginWebhook(300, std::string(300, ' '))));
  EXPECT_EQ(stranger->ReadAnswer()->status, 503);
  AwaitBodies(running, 5800);
}

TEST(BodyLimits, ABodyThatStopsComingGivesItsMemoryBack) {
  GatewayOptions options = WithWebhooks(6000);
  options.server.body_timeout = std::chrono::milliseconds(200);
  RunningGateway running(options);
  const auto stalled = running.Connect();
  ASSERT_TRUE(stalled->SendBytes(BeginWebhook(4000, std::string(2900, ' '))));
  const auto answer = stalled->ReadAnswer();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 408);
  EXPECT_TRUE(stalled->IsClosedNext());
  AwaitBodies(running, 0);
}

TEST(BodyLimits, ABodyMayTakeItsTimeIfItGoesOn) {
  GatewayOptions options;
  options.server.body_timeout = std::chrono::milliseconds(1000);
  RunningGateway running(options);
  const auto slow = running.Connect();
  ASSERT_TRUE(
      slow->SendBytes("POST /collect HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const auto until = std::chrono::steady_clock::now() + 2 * options.server.body_timeout;
  while (std::chrono::steady_clock::now() < until) {
    ASSERT_TRUE(slow->SendBytes("1\r\n \r\n"));
    ASSERT_EQ(running.Get("/livez").status, 200);
  }
  ASSERT_TRUE(slow->SendBytes("2\r\n{}\r\n0\r\n\r\n"));
  const auto answer = slow->ReadAnswer();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200) << answer->body;
}

}  // namespace
}  // namespace octolake::gateway
