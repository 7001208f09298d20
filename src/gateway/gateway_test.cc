#include "gateway/gateway.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/no_threads_for_test.h"
#include "gateway/gateway_for_test.h"
#include "gateway/server.h"

namespace octolake::gateway {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string DetailOf(const Answer& answer) {
  const json parsed = json::parse(answer.body, nullptr, false);
  return parsed.is_object() && parsed.contains("detail") ? parsed["detail"].get<std::string>()
                                                         : "no detail: " + answer.body;
}

TEST(Gateway, AnEventIsDurableWhenItIsAcknowledged) {
  RunningGateway running;
  const Answer answer = running.Post("/collect", R"( {"id":"1","nested":{"a":[1,2]}} )");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json body = json::parse(answer.body);
  EXPECT_EQ(body["status"], "success");
  const auto records = running.Records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].trace_id.ToString(), body["event_id"]);
  EXPECT_EQ(records[0].source, "collect");
  EXPECT_EQ(records[0].delivery_id, "");
  EXPECT_EQ(records[0].body, R"( {"id":"1","nested":{"a":[1,2]}} )");
}

TEST(Gateway, RequestsOfOneConnectionAreAnsweredInTurn) {
  RunningGateway running;
  const auto client = running.Connect();
  std::string bytes;
  for (int i = 0; i < 50; ++i) {
    const std::string body = R"({"n":)" + std::to_string(i) + "}";
    bytes += "POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
             "\r\n\r\n" + body;
  }
  ASSERT_TRUE(client->SendBytes(bytes));
  for (int i = 0; i < 50; ++i) {
    const auto answer = client->ReadAnswer();
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->status, 200);
  }
  const auto bodies = running.Bodies();
  ASSERT_EQ(bodies.size(), 50U);
  EXPECT_EQ(bodies[49], R"({"n":49})");
}

TEST(Gateway, ABodyMayComeByteByByteOrInChunks) {
  RunningGateway running;
  const auto client = running.Connect();
  const std::string request =
      "POST /collect HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;name=\"v\"\r\n{\"a\r\n5\r\n\":12}\r\n0\r\nTrailer: x\r\n\r\n";
  for (const char byte : request) ASSERT_TRUE(client->SendBytes({&byte, 1}));
  const auto answer = client->ReadAnswer();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200) << answer->body;
  EXPECT_THAT(running.Bodies(), ElementsAre(R"({"a":12})"));
  // The connection goes on.
  EXPECT_EQ(client->Post("/collect", "{}")->status, 200);
}

TEST(Gateway, AnEmptyBodyInChunksMayComeByteByByte) {
  for (const std::string last :
       {"0\r\n\r\n", "000\r\n\r\n", "0;x=y\r\n\r\n", "0\r\nT: x\r\n\r\n"}) {
    RunningGateway running;
    const auto client = running.Connect();
    ASSERT_TRUE(client->SendBytes(
        "POST /collect HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (const char byte : last) ASSERT_TRUE(client->SendBytes(std::string(1, byte)));
    const auto answer = client->ReadAnswer();
    ASSERT_TRUE(answer) << last << answer.error().message;
    EXPECT_EQ(answer->status, 400) << last;
    EXPECT_THAT(DetailOf(*answer), HasSubstr("empty")) << last;
  }
}

TEST(Gateway, WhatIsNoEventIsRefusedWithAReason) {
  RunningGateway running;
  const auto refused = [&](const std::string& body) {
    const Answer answer = running.Post("/collect", body);
    EXPECT_EQ(answer.status, 400) << body;
    return DetailOf(answer);
  };
  EXPECT_EQ(refused(""), "the body is empty");
  EXPECT_EQ(refused(" \n"), "the body is empty");
  EXPECT_EQ(refused("[1]"), "not a JSON object");
  EXPECT_EQ(refused("\"x\""), "not a JSON object");
  EXPECT_THAT(refused("{\"a\":}"), HasSubstr("invalid JSON at byte 5"));
  EXPECT_THAT(refused("{\"a\":\"\xff\"}"), HasSubstr("invalid UTF-8"));
  EXPECT_THAT(refused("{} {}"), HasSubstr("several go to /collect/batch"));
  const std::string deep(300, '[');
  EXPECT_EQ(refused("{\"a\":" + deep + std::string(300, ']') + "}"),
            "nested deeper than 256 levels");
  EXPECT_THAT(running.Records(), IsEmpty());
}

TEST(Gateway, PathsAndMethods) {
  RunningGateway running;
  EXPECT_EQ(running.Get("/nowhere").status, 404);
  EXPECT_EQ(DetailOf(running.Get("/nowhere")), "there is no /nowhere; see /docs");
  const Answer get = running.Get("/collect");
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(FieldOf(get, "Allow"), "POST");
  const Answer post = running.Post("/health", "{}");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(FieldOf(post, "Allow"), "GET, HEAD");
  EXPECT_EQ(running.Send("POST", "/collect?x=1", {}, "{}").status, 200);
  for (const char* path : {"/", "/docs", "/openapi.json", "/livez", "/readyz", "/api/v1/status"}) {
    EXPECT_EQ(running.Get(path).status, 200) << path;
  }
  const Answer head = running.Send("HEAD", "/docs", {}, "");
  EXPECT_EQ(head.status, 200);
  EXPECT_GT(std::stoi(FieldOf(head, "Content-Length")), 100);
}

TEST(Gateway, ALengthIsAskedFor) {
  RunningGateway running;
  const auto client = running.Connect();
  // What follows may be a body, and is not taken for a request.
  const std::string request = "POST /collect HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(client->SendBytes(request + "GET /health HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(client->ReadAnswer()->status, 411);
  EXPECT_TRUE(client->IsClosedNext());
}

TEST(Gateway, LimitsOnBodies) {
  GatewayOptions options;
  options.max_event_bytes = 1000;
  options.max_webhook_bytes = 2000;
  options.max_batch_bytes = 3000;
  options.webhook_secrets = {"s"};
  RunningGateway running(options);
  const std::string event = R"({"a":")" + std::string(991, 'x') + "\"}";
  ASSERT_EQ(event.size(), 999U);
  EXPECT_EQ(running.Post("/collect", event + " ").status, 200);
  const Answer answer = running.Post("/collect", event + "  ");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(DetailOf(answer), "the body has 1001 bytes, but /collect takes 1000 at most");
  EXPECT_EQ(running.Post("/collect/batch", std::string(3001, ' ')).status, 413);

  // The same when the length is not announced.
  const auto client = running.Connect();
  ASSERT_TRUE(client->SendBytes(
      "POST /collect HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n"));
  const auto chunked = client->ReadAnswer();
  ASSERT_TRUE(chunked) << chunked.error().message;
  EXPECT_EQ(chunked->status, 413);
  EXPECT_TRUE(client->IsClosedNext());
}

TEST(Gateway, ExpectContinue) {
  RunningGateway running;
  const auto client = running.Connect();
  ASSERT_TRUE(client->SendBytes(
      "POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client->ReadAnswer(false)->status, 100);
  ASSERT_TRUE(client->SendBytes("{}"));
  EXPECT_EQ(client->ReadAnswer()->status, 200);
}

TEST(Gateway, HealthAndMetricsCount) {
  RunningGateway running;
  ASSERT_EQ(running.Post("/collect", "{}").status, 200);
  ASSERT_EQ(running.Post("/collect", "{").status, 400);
  const json health = json::parse(running.Get("/health").body);
  EXPECT_EQ(health["status"], "healthy");
  EXPECT_EQ(health["queue_size"], 0);
  EXPECT_EQ(health["max_queue_size"], 100'000);
  EXPECT_EQ(health["queue_pressure_percent"], 0);
  const Answer metrics = running.Get("/metrics");
  EXPECT_EQ(FieldOf(metrics, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line : {"\nmetric_queue_size 0\n", "\nmetric_queue_capacity 100000\n",
                           "\nmetric_queue_utilization_percent 0\n", "\nmetrics_received_total 1\n",
                           "\nmetrics_rejected_total{reason=\"invalid_json\"} 1\n",
                           "\napi_requests_total{endpoint=\"/collect\",status=\"200\"} 1\n",
                           "\napi_requests_total{endpoint=\"/collect\",status=\"400\"} 1\n",
                           "\napi_request_duration_seconds_count{endpoint=\"/collect\"} 2\n",
                           "\nprocess_resident_memory_bytes ", "\nlake_metric 7\n"}) {
    EXPECT_THAT(metrics.body, HasSubstr(line));
  }
  EXPECT_EQ(json::parse(running.Get("/api/v1/status").body)["received"], 1);
}

TEST(Gateway, OldClientsHaveAConnectionARequest) {
  RunningGateway running;
  const auto client = running.Connect();
  ASSERT_TRUE(client->SendBytes("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  const auto answer = client->ReadAnswer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(FieldOf(*answer, "Connection"), "close");
  EXPECT_TRUE(client->IsClosedNext());
}

TEST(Gateway, IsNotReadyWhileTheJournalIsFull) {
  journal::JournalOptions limits;
  limits.max_bytes = 4 << 20;
  RunningGateway running({}, limits);
  const std::string event = R"({"text":")" + std::string(500'000, 'x') + "\"}";
  EXPECT_EQ(running.Get("/readyz").status, 200);
  while (running.Post("/collect", event).status == 200) {
  }
  EXPECT_EQ(running.Post("/collect", event).status, 503);
  const Answer full = running.Get("/readyz");
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(DetailOf(full), "the journal is full");
  for (const char* consumer : {"bronze", journal::kDeliveriesConsumer}) {
    ASSERT_TRUE(running.journal().Release(consumer, running.journal().durable_sequence()));
  }
  while (running.Get("/readyz").status != 200) {
  }
  EXPECT_EQ(running.Post("/collect", event).status, 200);
}

class NothingToServe final : public RequestHandler {
 public:
  HeadDecision OnHead(const Request& /*request*/) override { return {}; }
  void Handle(int /*endpoint*/, Exchange& /*exchange*/, WorkerTools& /*tools*/) override {}
};

TEST(Gateway, WithoutThreadsItDoesNotStartAndSaysWhy) {
  const auto is_told = [](const auto& started, const std::string& what_for) {
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::kResourceExhausted);
    EXPECT_THAT(started.error().message, HasSubstr("no thread can be started " + what_for));
  };
  journal::MemorySegmentStore store;
  journal::JournalOptions limits;
  limits.segment_bytes = 1 << 20;
  auto journal = journal::Journal::Open(store, limits, SystemClock(), SystemRandom());
  const auto deliveries = journal::DeliveryMemory::Open(**journal, SystemClock(), {});
  NoStatus status;
  GatewayOptions options;
  options.server.port = 0;
  const auto start = [&] {
    return Gateway::Start(options, **journal, **deliveries, status, SystemClock(), SystemRandom(),
                          MakeNullLogger());
  };
  NothingToServe handler;
  ByteBudget bodies(1, 1);
  Metrics metrics;
  journal::MemorySegmentStore other_store;
  {
    const NoMoreThreads limit;
    is_told(start(), "to take batches");
    is_told(Server::Start(options.server, handler, bodies, metrics, MakeNullLogger()),
            "to serve connections");
    is_told(journal::Journal::Open(other_store, limits, SystemClock(), SystemRandom()),
            "to write the journal");
  }
  EXPECT_TRUE(start());
}

TEST(Gateway, AFullQueueIsAnsweredAtOnce) {
  journal::JournalOptions limits;
  limits.max_waiting_records = 3;
  GatewayOptions options;
  options.max_queue_records = 3;
  RunningGateway running(options, limits);
  HeldSync held(running.store());
  // One is in the group that is being synced, three wait, and the next is refused.
  std::vector<std::unique_ptr<Client>> waiting;
  const auto figure = [&](const std::string& line) {
    return running.Get("/metrics").body.find("\n" + line + "\n") != std::string::npos;
  };
  bool full = false;
  while (!full) {
    ASSERT_LT(waiting.size(), 10U);
    waiting.push_back(running.Connect());
    ASSERT_TRUE(waiting.back()->SendBytes(
        "POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"));
    if (waiting.size() == 1) held.AwaitSync();
    const std::string bodies = "octolake_bodies_bytes " + std::to_string(2 * waiting.size());
    do {
      full = figure("metrics_rejected_total{reason=\"queue_full\"} 1");
    } while (!full && !figure(bodies));
  }
  ASSERT_EQ(waiting.size(), 5U);
  const auto refused = std::move(waiting.back());
  waiting.pop_back();
  const auto answer = refused->ReadAnswer();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(FieldOf(*answer, "Retry-After"), "1");
  EXPECT_THAT(answer->body, HasSubstr("the queue is full"));
  EXPECT_EQ(json::parse(running.Get("/health").body)["status"], "degraded");
  held.Release();
  for (const auto& client : waiting) EXPECT_EQ(client->ReadAnswer()->status, 200);
  EXPECT_EQ(running.Records().size(), waiting.size());
}

// The lines of a log, which can be waited for.
class LogLines {
 public:
  Logger logger() {
    return MakeTeeLogger(MakeNullLogger(), [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
      changed_.notify_all();
    });
  }
  // Takes the next one.
  std::string Next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return !lines_.empty(); })) {
      return "nothing was said";
    }
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
  }
  bool IsEmpty() {
    const std::lock_guard lock(mutex_);
    return lines_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;
};

TEST(Gateway, SaysOnceThatTheQueueFillsAndOnceThatItIsOver) {
  journal::JournalOptions limits;
  limits.max_waiting_records = 4;
  GatewayOptions options;
  options.max_queue_records = 4;
  options.warning_percent = 75;
  options.server.idle_timeout = std::chrono::milliseconds(200);
  LogLines log;
  RunningGateway running(options, limits, log.logger());
  HeldSync held(running.store());
  std::vector<std::unique_ptr<Client>> waiting;
  const auto send = [&] {
    waiting.push_back(running.Connect());
    ASSERT_TRUE(waiting.back()->SendBytes(
        "POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"));
    const std::string bodies =
        "\noctolake_bodies_bytes " + std::to_string(2 * waiting.size()) + "\n";
    while (running.Get("/metrics").body.find(bodies) == std::string::npos) {
    }
  };
  // Idle connections are closed when the time is looked at, and then the queue is.
  const auto is_quiet = [&] {
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(running.Connect()->IsClosedNext());
    return log.IsEmpty();
  };
  send();
  held.AwaitSync();
  for (int i = 0; i < 2; ++i) send();  // of four that may wait
  EXPECT_TRUE(is_quiet());
  send();
  EXPECT_THAT(log.Next(), HasSubstr("the queue is 75 % full; events are refused when it is full"));
  EXPECT_TRUE(is_quiet());
  held.Release();
  for (const auto& client : waiting) EXPECT_EQ(client->ReadAnswer()->status, 200);
  EXPECT_THAT(log.Next(), HasSubstr("the queue is 0 % full again"));
  EXPECT_TRUE(is_quiet());
}

TEST(Gateway, SaysThatTheJournalFills) {
  GatewayOptions options;
  options.max_journal_bytes = 2 << 20;  // one segment
  LogLines log;
  const RunningGateway running(options, {}, log.logger());
  EXPECT_THAT(log.Next(), HasSubstr("the journal is 100 % full"));
}

TEST(Gateway, NothingIsAcknowledgedThatCouldNotBeSynced) {
  RunningGateway running;
  ASSERT_EQ(running.Post("/collect", R"({"n":1})").status, 200);
  std::atomic<bool> broken{true};
  running.store().before = [&](journal::MemorySegmentStore::Step step) -> Status {
    if (step != journal::MemorySegmentStore::Step::kSync || !broken) return {};
    return MakeError(ErrorKind::kIo, "fdatasync: Input/output error");
  };
  const Answer answer = running.Post("/collect", R"({"n":2})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(FieldOf(answer, "Retry-After"), "");
  // What failed, and where, is for the log.
  EXPECT_EQ(DetailOf(answer), "it could not be made durable; send it again later");
  EXPECT_THAT(running.Get("/metrics").body,
              HasSubstr("\nmetrics_rejected_total{reason=\"not_durable\"} 1\n"));
  broken = false;
  EXPECT_EQ(running.Post("/collect", R"({"n":3})").status, 200);
  EXPECT_THAT(running.Bodies(), ElementsAre(R"({"n":1})", R"({"n":3})"));
}

TEST(Gateway, WhateverWasRefusedIsCounted) {
  GatewayOptions options;
  options.tokens = {"t"};
  options.webhook_secrets = {"s"};
  RunningGateway running(options);
  const Client::Fields token = {{"Authorization", "Bearer t"}};
  const auto with = [&](const char* name, const char* value) {
    Client::Fields fields = token;
    fields.emplace_back(name, value);
    return fields;
  };
  EXPECT_EQ(running.Post("/collect", "{}").status, 401);
  EXPECT_EQ(
      running.Send("POST", "/collect", with("Origin", "https://elsewhere.example"), "{}").status,
      403);
  EXPECT_EQ(running.Send("POST", "/collect", with("Content-Encoding", "gzip"), "{}").status, 415);
  EXPECT_EQ(running.Send("POST", "/collect/batch", with("Content-Encoding", "br"), "{}").status,
            415);
  EXPECT_EQ(running.Post("/webhooks/github", "{}").status, 401);
  EXPECT_EQ(running.Send("GET", "/collect", token, "").status, 405);
  EXPECT_EQ(running.Get("/metrics").status, 401);
  const std::string metrics = running.Send("GET", "/metrics", token, "").body;
  for (const char* line : {"unauthorized\"} 2", "malformed_request\"} 2", "bad_signature\"} 1",
                           "invalid_json\"} 0", "not_durable\"} 0"}) {
    EXPECT_THAT(metrics,
                HasSubstr(std::string("\nmetrics_rejected_total{reason=\"") + line + "\n"));
  }
}

TEST(Gateway, ManyConnectionsAtOnce) {
  GatewayOptions options;
  options.server.workers = 2;
  RunningGateway running(options);
  std::vector<std::thread> threads;
  std::atomic<int> acknowledged{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto client = running.Connect();
      for (int j = 0; j < 100; ++j) {
        const auto answer = client->Post("/collect", "{\"n\":" + std::to_string(i * 100 + j) + "}");
        if (answer && answer->status == 200) ++acknowledged;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(acknowledged, 800);
  std::set<std::string> bodies;
  for (const auto& record : running.Records()) bodies.insert(record.body);
  EXPECT_EQ(bodies.size(), 800U);
}

TEST(Gateway, StopAnswersWhatWasBegun) {
  RunningGateway running;
  auto held = std::make_unique<HeldSync>(running.store());
  const auto client = running.Connect();
  const auto idle = running.Connect();
  ASSERT_TRUE(
      client->SendBytes("POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"));
  while (running.Get("/metrics").body.find("\noctolake_bodies_bytes 2\n") == std::string::npos) {
  }
  auto stopped = std::async(std::launch::async, [&] { running.gateway().Stop(); });
  EXPECT_TRUE(idle->IsClosedNext());
  held->Release();
  const auto answer = client->ReadAnswer();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(FieldOf(*answer, "Connection"), "close");
  stopped.get();
  EXPECT_FALSE(Client::Connect("127.0.0.1", running.port()));
  EXPECT_EQ(running.Records().size(), 1U);
}

}  // namespace
}  // namespace octolake::gateway
