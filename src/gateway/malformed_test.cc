// What is no HTTP, or could be read in two ways: an answer of 4xx, and the connection ends.
#include <gmock/gmock.h>

#include <chrono>

#include "gateway/gateway_for_test.h"

namespace octolake::gateway {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct Case {
  const char* what;
  std::string bytes;
};

std::string Post(const std::string& fields, const std::string& body = "{}") {
  return "POST /collect HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}

std::string Chunked(const std::string& body) {
  return Post("Transfer-Encoding: chunked\r\n", body);
}

const std::string kNul(1, '\0');

std::vector<Case> Cases() {
  const std::string length = "Content-Length: 2\r\n";
  return {
      {"both lengths", Post(length + "Transfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {"both lengths, the other way", Post("Transfer-Encoding: chunked\r\n" + length, "0\r\n\r\n")},
      {"two equal lengths", Post(length + length)},
      {"two lengths", Post(length + "Content-Length: 3\r\n")},
      {"a list of lengths", Post("Content-Length: 2, 2\r\n")},
      {"a list of different lengths", Post("Content-Length: 2, 3\r\n")},
      {"length with a plus", Post("Content-Length: +2\r\n")},
      {"negative length", Post("Content-Length: -2\r\n")},
      {"hexadecimal length", Post("Content-Length: 0x2\r\n")},
      {"length with a fraction", Post("Content-Length: 2.0\r\n")},
      {"length with letters", Post("Content-Length: 2a\r\n")},
      {"empty length", Post("Content-Length:\r\n")},
      {"length of two words", Post("Content-Length: 2 2\r\n")},
      {"length beyond 64 bits", Post("Content-Length: 18446744073709551618\r\n")},
      {"space before the colon", Post("Content-Length : 2\r\n")},
      {"tab before the colon", Post("Content-Length\t: 2\r\n")},
      {"folded field", Post("X-A: b\r\n c\r\n" + length)},
      {"folded field with a tab", Post("X-A: b\r\n\tc\r\n" + length)},
      {"folded first field", "POST /collect HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n"},
      {"NUL in a value", Post("X-A: b" + kNul + "c\r\n" + length)},
      {"NUL in a name", Post("X" + kNul + "A: b\r\n" + length)},
      {"NUL in the target", "GET /he" + kNul + "alth HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"bare CR in a value", Post("X-A: b\rc\r\n" + length)},
      {"bare LF after a field", Post("X-A: b\n" + length)},
      {"bare LF everywhere", "GET /health HTTP/1.1\nHost: h\n\n"},
      {"control character", Post("X-A: b\x01\r\n" + length)},
      {"DEL", Post("X-A: b\x7f\r\n" + length)},
      {"field without a colon", Post("X-A\r\n" + length)},
      {"field without a name", Post(": b\r\n" + length)},
      {"space in a name", Post("X A: b\r\n" + length)},
      {"brackets in a name", Post("X[A]: b\r\n" + length)},
      {"chunked twice",
       Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {"chunked, chunked", Post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")},
      {"gzip, chunked", Post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
      {"chunked, identity", Post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")},
      {"identity", Post("Transfer-Encoding: identity\r\n" + length)},
      {"xchunked", Post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")},
      {"quoted chunked", Post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")},
      {"empty Transfer-Encoding", Post("Transfer-Encoding:\r\n" + length)},
      {"chunked in HTTP/1.0",
       "POST /collect HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"chunk size with a minus", Chunked("-2\r\n{}\r\n0\r\n\r\n")},
      {"chunk size with 0x", Chunked("0x2\r\n{}\r\n0\r\n\r\n")},
      {"chunk size of letters", Chunked("zz\r\n{}\r\n0\r\n\r\n")},
      {"empty chunk size", Chunked("\r\n{}\r\n0\r\n\r\n")},
      {"space before the chunk size", Chunked(" 2\r\n{}\r\n0\r\n\r\n")},
      {"chunk size beyond 64 bits", Chunked("10000000000000002\r\n{}\r\n0\r\n\r\n")},
      {"chunk longer than announced", Chunked("2\r\n{}x\r\n0\r\n\r\n")},
      {"chunk without a line end", Chunked("2\r\n{}0\r\n\r\n")},
      {"chunk's line ends with LF", Chunked("2\n{}\r\n0\r\n\r\n")},
      {"chunk's line ends with CR", Chunked("2\r{}\r\n0\r\n\r\n")},
      {"length in the trailer", Chunked("2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n")},
      {"no Host", "GET /health HTTP/1.1\r\n\r\n"},
      {"two Hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"two tokens", Post("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n" + length)},
      {"two encodings", Post("Content-Encoding: gzip\r\nContent-Encoding: zstd\r\n" + length)},
      {"two signatures",
       Post("X-Hub-Signature-256: sha256=a\r\nx-hub-signature-256: sha256=b\r\n" + length)},
      {"HTTP/0.9", "GET /health\r\n\r\n"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"HTTP/1.2", "GET /health HTTP/1.2\r\nHost: h\r\n\r\n"},
      {"HTTP/1.10", "GET /health HTTP/1.10\r\nHost: h\r\n\r\n"},
      {"lower-case protocol", "GET /health http/1.1\r\nHost: h\r\n\r\n"},
      {"no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"two spaces", "GET  /health HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"space in the target", "GET /he alth HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"tab instead of a space", "GET\t/health HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"leading space", " GET /health HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"method with brackets", "G(T /health HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)},
      {"a long target", "GET /" + std::string(5000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"a long header", Post("X-A: " + std::string(20'000, 'b') + "\r\n" + length)},
      {"a header without end", Post("X-A: " + std::string(40'000, 'b'))},
      {"a long trailer", Chunked("2\r\n{}\r\n0\r\nX: " + std::string(20'000, 't') + "\r\n\r\n")},
      {"a long chunk's line", Chunked("2;" + std::string(20'000, 'e') + "\r\n{}\r\n0\r\n\r\n")},
  };
}

std::string ManyFields() {
  std::string fields;
  for (int i = 0; i < 200; ++i) fields += "X-" + std::to_string(i) + ": 1\r\n";
  return Post(fields + "Content-Length: 2\r\n");
}

TEST(Malformed, IsRefusedAndTheConnectionEnds) {
  RunningGateway running;
  auto cases = Cases();
  cases.push_back({"many fields", ManyFields()});
  ASSERT_GE(cases.size(), 60U);
  for (const Case& one : cases) {
    const auto client = running.Connect();
    // A second request behind it must not be answered.
    ASSERT_TRUE(client->SendBytes(one.bytes + "GET /health HTTP/1.1\r\nHost: h\r\n\r\n"))
        << one.what;
    const auto answer = client->ReadAnswer();
    ASSERT_TRUE(answer) << one.what << ": " << answer.error().message;
    EXPECT_GE(answer->status, 400) << one.what;
    EXPECT_LT(answer->status, 500) << one.what << ": " << answer->body;
    EXPECT_EQ(FieldOf(*answer, "Connection"), "close") << one.what;
    EXPECT_THAT(answer->body, HasSubstr("{\"detail\":")) << one.what;
    EXPECT_TRUE(client->IsClosedNext()) << one.what;
  }
  EXPECT_THAT(running.Records(), IsEmpty());
  EXPECT_EQ(running.Get("/health").status, 200);
}

TEST(Malformed, WhatOnlyLooksOddIsAccepted) {
  RunningGateway running;
  const std::vector<Case> odd = {
      {"an empty line before", "\r\n" + Post("Content-Length: 2\r\n")},
      {"names in any case", Post("cOnTeNt-LeNgTh: 2\r\n")},
      {"no space behind the colon", Post("Content-Length:2\r\n")},
      {"spaces around the value", Post("Content-Length: \t2 \r\n")},
      {"leading zeros", Post("Content-Length: 002\r\n")},
      {"Chunked", Post("Transfer-Encoding: Chunked\r\n", "2\r\n{}\r\n0\r\n\r\n")},
      {"HTTP/1.0", "POST /collect HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}"},
      {"absolute target",
       "POST http://h/collect HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"},
  };
  for (const Case& one : odd) {
    const auto client = running.Connect();
    ASSERT_TRUE(client->SendBytes(one.bytes));
    const auto answer = client->ReadAnswer();
    ASSERT_TRUE(answer) << one.what << ": " << answer.error().message;
    EXPECT_EQ(answer->status, 200) << one.what << ": " << answer->body;
  }
  EXPECT_EQ(running.Records().size(), odd.size());
}

GatewayOptions Impatient() {
  GatewayOptions options;
  options.server.head_timeout = std::chrono::milliseconds(200);
  options.server.request_timeout = std::chrono::milliseconds(200);
  options.server.idle_timeout = std::chrono::milliseconds(200);
  return options;
}

TEST(SlowClients, AreAnsweredOrLeft) {
  RunningGateway running(Impatient());
  for (const char* begun : {"P", "POST /collect HTTP/1.1\r\nHost: h\r\n",
                            "POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{"}) {
    const auto client = running.Connect();
    ASSERT_TRUE(client->SendBytes(begun));
    const auto answer = client->ReadAnswer();
    ASSERT_TRUE(answer) << begun << ": " << answer.error().message;
    EXPECT_EQ(answer->status, 408) << begun;
    EXPECT_TRUE(client->IsClosedNext());
  }
  EXPECT_TRUE(running.Connect()->IsClosedNext());  // nothing was begun: no answer
  EXPECT_THAT(running.Records(), IsEmpty());
}

TEST(SlowClients, WhoReadsNoAnswersIsLeft) {
  GatewayOptions options;
  options.server.write_timeout = std::chrono::milliseconds(200);
  RunningGateway running(options);
  const auto deaf = running.Connect();
  // Of answers, far more than the sockets' buffers hold.
  std::string requests;
  constexpr int kRequests = 5000;
  for (int i = 0; i < kRequests; ++i) requests += "GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(deaf->SendBytes(requests));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  // Its own connection is one.
  while (running.Get("/metrics").body.find("\noctolake_connections 1\n") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), until) << "it is still there";
  }
  int answers = 0;
  while (deaf->ReadAnswer()) ++answers;
  EXPECT_GT(answers, 0);
  EXPECT_LT(answers, kRequests);
}

TEST(SlowClients, DoNotKeepOthersOut) {
  GatewayOptions options;
  options.server.max_connections = 400;
  RunningGateway running(options);
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 300; ++i) {
    slow.push_back(running.Connect());
    ASSERT_TRUE(slow.back()->SendBytes("POST /collect HTTP/1.1\r\nHo"));
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(running.Post("/collect", "{}").status, 200);
}

TEST(SlowClients, ConnectionsAreLimited) {
  GatewayOptions options;
  options.server.max_connections = 2;
  RunningGateway running(options);
  const auto first = running.Connect();
  const auto second = running.Connect();
  ASSERT_EQ(first->Get("/livez")->status, 200);
  ASSERT_EQ(second->Get("/livez")->status, 200);
  EXPECT_TRUE(running.Connect()->IsClosedNext());
  EXPECT_THAT(second->Get("/metrics")->body, HasSubstr("\noctolake_connections_refused_total 1\n"));
}

}  // namespace
}  // namespace octolake::gateway
