// Who may send events to a gateway, and read from it.
#include <gmock/gmock.h>

#include "gateway/gateway.h"
#include "gateway/gateway_for_test.h"

namespace octolake::gateway {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(GatewayAccess, TokensWhereTheyAreConfigured) {
  GatewayOptions options;
  options.tokens = {"t1", "t2"};
  RunningGateway running(options);
  const Answer without = running.Post("/collect", "{}");
  EXPECT_EQ(without.status, 401);
  EXPECT_EQ(FieldOf(without, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(running.Send("POST", "/collect/batch", {{"Authorization", "Bearer t3"}}, "{}").status,
            401);
  EXPECT_EQ(running.Get("/metrics").status, 401);
  EXPECT_EQ(running.Get("/api/v1/status").status, 401);
  EXPECT_EQ(running.Get("/health").status, 200);
  EXPECT_EQ(running.Send("POST", "/collect", {{"Authorization", "Bearer t2"}}, "{}").status, 200);
  EXPECT_EQ(running.Send("GET", "/metrics", {{"Authorization", "bearer t1"}}, "").status, 200);
  EXPECT_EQ(running.Records().size(), 1U);
}

// What a page gets that sends an event to the host it came from.
int StatusFrom(RunningGateway& running, const std::string& path, const std::string& host,
               const std::string& token) {
  const auto client = running.Connect();
  EXPECT_TRUE(client->SendBytes("POST " + path + " HTTP/1.1\r\nHost: " + host +
                                "\r\nOrigin: http://" + host + "\r\nAuthorization: Bearer " +
                                token + "\r\nContent-Length: 2\r\n\r\n{}"));
  const auto answer = client->ReadAnswer();
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? answer->status : 0;
}

TEST(GatewayAccess, PagesOfOtherSitesCannotSendEvents) {
  RunningGateway running;
  const std::string own = "127.0.0.1:" + std::to_string(running.port());
  const auto status = [&](const std::string& path, const std::string& origin) {
    return running.Send("POST", path, {{"Origin", origin}}, "{}").status;
  };
  for (const char* path : {"/collect", "/collect/batch"}) {
    EXPECT_EQ(status(path, "https://elsewhere.example"), 403);
    EXPECT_EQ(status(path, "http://" + own + "1"), 403);
    EXPECT_EQ(status(path, "http://127.0.0.1"), 403);
    EXPECT_EQ(status(path, "null"), 403);
    EXPECT_EQ(StatusFrom(running, path, "evil.example", ""), 403);  // a name that points here
  }
  EXPECT_THAT(running.Records(), IsEmpty());
  EXPECT_EQ(status("/collect", "http://" + own), 200);
}

// GET, as a page of that host would.
int StatusOfReading(RunningGateway& running, const std::string& target, const std::string& host,
                    const std::string& token = "") {
  const auto client = running.Connect();
  EXPECT_TRUE(client->SendBytes("GET " + target + " HTTP/1.1\r\nHost: " + host +
                                "\r\nAuthorization: Bearer " + token + "\r\n\r\n"));
  const auto answer = client->ReadAnswer();
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? answer->status : 0;
}

TEST(GatewayAccess, PagesWhoseNameWasMadeToPointHereReadNothing) {
  RunningGateway running;
  for (const char* host : {"localhost:8080", "127.0.0.1", "[::1]:80", "LOCALHOST"}) {
    EXPECT_EQ(StatusOfReading(running, "/api/v1/status", host), 200) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:8080", "localhost.evil.example", "1.2.3.x"}) {
    EXPECT_EQ(StatusOfReading(running, "/api/v1/status", host), 403) << host;
    EXPECT_EQ(StatusOfReading(running, "/metrics", host), 403) << host;
    EXPECT_EQ(StatusOfReading(running, "/health", host), 200) << host;
  }
  GatewayOptions options;
  options.tokens = {"t"};
  RunningGateway with_token(options);
  EXPECT_EQ(StatusOfReading(with_token, "/metrics", "events.example", "t"), 200);
  EXPECT_EQ(StatusOfReading(with_token, "/metrics", "events.example"), 401);
}

TEST(GatewayAccess, PagesOfAProxysNameNeedAToken) {
  GatewayOptions options;
  options.tokens = {"t"};
  RunningGateway running(options);
  EXPECT_EQ(StatusFrom(running, "/collect", "events.example", "t"), 200);
  EXPECT_EQ(StatusFrom(running, "/collect", "events.example", "u"), 401);
}

TEST(GatewayAccess, OtherAddressesNeedATokenOrConsent) {
  journal::MemorySegmentStore store;
  journal::JournalOptions limits;
  limits.segment_bytes = 1 << 20;
  auto journal = journal::Journal::Open(store, limits, SystemClock(), SystemRandom());
  auto memory = journal::DeliveryMemory::Open(**journal, SystemClock(), {});
  NoStatus status;
  GatewayOptions options;
  options.server.host = "0.0.0.0";
  options.server.port = 0;
  const auto start = [&] {
    return Gateway::Start(options, **journal, **memory, status, SystemClock(), SystemRandom(),
                          MakeNullLogger());
  };
  auto refused = start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("--allow-anonymous"));
  options.allow_anonymous = true;
  EXPECT_TRUE(start());
  options.allow_anonymous = false;
  options.tokens = {"t"};
  EXPECT_TRUE(start());
}

TEST(GatewayAccess, AnAbsoluteTargetsPathBeginsBehindItsHost) {
  RunningGateway running;
  EXPECT_EQ(StatusOfReading(running, "http://h/nowhere", "127.0.0.1"), 404);
  EXPECT_EQ(StatusOfReading(running, "http://h", "127.0.0.1"), 200);
  const auto client = running.Connect();
  ASSERT_TRUE(client->SendBytes("GET http://h?x=/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  const auto page = client->ReadAnswer();
  ASSERT_TRUE(page);
  EXPECT_THAT(page->head, HasSubstr("text/html"));
}

}  // namespace
}  // namespace octolake::gateway
