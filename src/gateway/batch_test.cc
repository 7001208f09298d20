// POST /collect/batch.
#include "gateway/batch.h"

#include <gmock/gmock.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <future>
#include <nlohmann/json.hpp>

#include "gateway/gateway_for_test.h"

namespace octolake::gateway {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Gzip(const std::string& text) {
  std::string out(text.size() + 1024, '\0');
  isal_zstream stream;
  isal_deflate_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uint32_t>(text.size());
  stream.next_out = reinterpret_cast<uint8_t*>(out.data());
  stream.avail_out = static_cast<uint32_t>(out.size());
  EXPECT_EQ(isal_deflate(&stream), COMP_OK);
  out.resize(stream.total_out);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

json PostBatch(RunningGateway& running, const std::string& body, const std::string& encoding = "") {
  Client::Fields fields;
  if (!encoding.empty()) fields.emplace_back("Content-Encoding", encoding);
  const Answer answer = running.Send("POST", "/collect/batch", fields, body);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return json::parse(answer.body);
}

TEST(Batch, EveryFraming) {
  for (const char* body :
       {"{\"n\":1}\n{\"n\":2}\n{\"n\":3}", "[{\"n\":1}, {\"n\":2},\n {\"n\":3}]",
        "{\"n\":1}{\"n\":2} {\"n\":3}", "{\"n\":1}\r\n\r\n[{\"n\":2}]{\"n\":3}\n"}) {
    RunningGateway running;
    const json answer = PostBatch(running, body);
    EXPECT_EQ(answer["status"], "success");
    EXPECT_EQ(answer["accepted"], 3) << body;
    EXPECT_EQ(answer["rejected"], 0) << body;
    EXPECT_THAT(running.Bodies(), ElementsAre("{\"n\":1}", "{\"n\":2}", "{\"n\":3}")) << body;
  }
}

TEST(Batch, RejectedEventsAreNamedAndTheOthersKept) {
  RunningGateway running;
  const json answer = PostBatch(running, "{\"n\":1}\nnot json\n{\"n\":2}\n7\n{\"n\":\n{\"n\":3}\n");
  EXPECT_EQ(answer["accepted"], 3);
  EXPECT_EQ(answer["rejected"], 3);
  ASSERT_EQ(answer["rejections"].size(), 3U);
  EXPECT_EQ(answer["rejections"][0]["index"], 1);
  EXPECT_EQ(answer["rejections"][1]["index"], 3);
  EXPECT_EQ(answer["rejections"][1]["reason"], "not a JSON object");
  EXPECT_EQ(answer["rejections"][2]["index"], 4);
  EXPECT_THAT(running.Bodies(), ElementsAre("{\"n\":1}", "{\"n\":2}", "{\"n\":3}"));
}

TEST(Batch, AThousandRejectionsAreNamedAndAllCounted) {
  RunningGateway running;
  std::string body;
  for (int i = 0; i < 3000; ++i) body += "x\n";
  const json answer = PostBatch(running, body);
  EXPECT_EQ(answer["rejected"], 3000);
  EXPECT_EQ(answer["rejections"].size(), 1000U);
}

TEST(Batch, AnEventLongerThanOneMayBe) {
  GatewayOptions options;
  options.max_event_bytes = 100;
  RunningGateway running(options);
  const json answer =
      PostBatch(running, "{\"n\":1}\n{\"a\":\"" + std::string(200, 'x') + "\"}\n{\"n\":2}\n");
  EXPECT_EQ(answer["accepted"], 2);
  EXPECT_EQ(answer["rejections"][0]["reason"], "longer than 100 bytes");
}

TEST(Batch, Compressed) {
  std::string body;
  for (int i = 0; i < 2000; ++i) body += "{\"n\":" + std::to_string(i) + "}\n";
  RunningGateway running;
  EXPECT_EQ(PostBatch(running, Gzip(body), "gzip")["accepted"], 2000);
  EXPECT_EQ(PostBatch(running, Zstd(body), "zstd")["accepted"], 2000);
  EXPECT_EQ(PostBatch(running, body, "identity")["accepted"], 2000);
  const auto bodies = running.Bodies();
  ASSERT_EQ(bodies.size(), 6000U);
  EXPECT_EQ(bodies[3999], "{\"n\":1999}");
}

TEST(Batch, OfDamagedCompressionNothingIsTaken) {
  std::string body;
  for (int i = 0; i < 5000; ++i) body += "{\"n\":" + std::to_string(i * 7919 % 5000) + "}\n";
  const std::string whole = Gzip(body);
  RunningGateway running;
  const auto refused = [&](const std::string& bytes, const char* encoding) {
    const Answer answer =
        running.Send("POST", "/collect/batch", {{"Content-Encoding", encoding}}, bytes);
    return answer.status;
  };
  EXPECT_EQ(refused(whole.substr(0, whole.size() - 9), "gzip"), 400);
  std::string flipped = whole;
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);  // its CRC
  EXPECT_EQ(refused(flipped, "gzip"), 400);
  EXPECT_EQ(refused(body, "gzip"), 400);
  EXPECT_EQ(refused(whole, "zstd"), 400);
  EXPECT_EQ(refused(whole, "br"), 415);
  EXPECT_THAT(running.Records(), IsEmpty());
}

TEST(Batch, ABombIsRefusedWithoutBeingKept) {
  GatewayOptions options;
  options.max_batch_bytes = 1 << 20;
  RunningGateway running(options);
  const std::string bomb = Gzip(std::string(8 << 20, ' '));
  ASSERT_LT(bomb.size(), size_t{1} << 20);
  const Answer answer =
      running.Send("POST", "/collect/batch", {{"Content-Encoding", "gzip"}}, bomb);
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("nothing of it was taken"));
  EXPECT_THAT(running.Records(), IsEmpty());
}

std::string Repeated(const std::string& text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) repeated += text;
  return repeated;
}

TEST(Batch, OfTooManyEventsNothingIsTaken) {
  GatewayOptions options;
  options.max_batch_bytes = 100 * BatchOptions::kLeastBytesAnEvent;
  RunningGateway running(options);
  const std::string many = Repeated("{}\n", 101);
  for (const auto& [body, encoding] :
       {std::pair(many, "identity"), std::pair(Gzip(many), "gzip"), std::pair(Zstd(many), "zstd"),
        std::pair("[" + Repeated("{},", 100) + "{}]", "identity")}) {
    const Answer answer =
        running.Send("POST", "/collect/batch", {{"Content-Encoding", encoding}}, body);
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(json::parse(answer.body)["detail"],
              "the batch has more than 100 events; nothing of it was taken, send it in parts");
  }
  EXPECT_THAT(running.Records(), IsEmpty());
  EXPECT_THAT(running.Get("/metrics").body,
              HasSubstr("\nmetrics_rejected_total{reason=\"too_large\"} 4\n"));
  // What is in an event, or no event, counts as none.
  EXPECT_EQ(PostBatch(running, Repeated("{\"a\":{},\"b\":{}}\n{\n", 100))["accepted"], 100);
}

TEST(Batch, EndsInTheMiddleWhenTheGatewayStops) {
  GatewayOptions options;
  options.server.stop_timeout = std::chrono::milliseconds(0);
  RunningGateway running(options);
  HeldSync held(running.store());
  const auto client = running.Connect();
  const auto idle = running.Connect();
  // More than may wait for the disk.
  const std::string body = Repeated("{}\n", 50'000);
  ASSERT_TRUE(client->SendBytes("POST /collect/batch HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body));
  held.AwaitSync();
  auto stopped = std::async(std::launch::async, [&] { running.gateway().Stop(); });
  EXPECT_TRUE(idle->IsClosedNext());  // it has begun to stop
  held.Release();
  const auto answer = client->ReadAnswer();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 503);
  EXPECT_NE(FieldOf(*answer, "Retry-After"), "");
  const json outcome = json::parse(answer->body);
  EXPECT_EQ(outcome["detail"], "the gateway is stopping; send it again later");
  EXPECT_GT(outcome["accepted"], 0);
  EXPECT_LT(outcome["accepted"], 50'000);
  stopped.get();
  EXPECT_EQ(running.Records().size(), outcome["accepted"]);
}

TEST(Batch, MoreThanTheQueueHoldsWaitsForTheDisk) {
  journal::JournalOptions limits;
  limits.max_waiting_records = 10;
  RunningGateway running({}, limits);
  std::string body;
  for (int i = 0; i < 1000; ++i) body += "{\"n\":" + std::to_string(i) + "}\n";
  EXPECT_EQ(PostBatch(running, body)["accepted"], 1000);
  EXPECT_EQ(running.Records().size(), 1000U);
}

TEST(Batch, WhatTheDiskRefusesIsNotAccepted) {
  RunningGateway running;
  running.store().before = [&](journal::MemorySegmentStore::Step step) -> Status {
    if (step != journal::MemorySegmentStore::Step::kSync) return {};
    return MakeError(ErrorKind::kIo, "fdatasync: Input/output error");
  };
  const Answer answer = running.Post("/collect/batch", "{\"n\":1}\n");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(FieldOf(answer, "Retry-After"), "");
  const json body = json::parse(answer.body);
  EXPECT_EQ(body["accepted"], 0);
  EXPECT_EQ(body["status"], "failed");
  EXPECT_EQ(body["detail"], "it could not be made durable; send it again later");
  EXPECT_THAT(running.Get("/metrics").body,
              HasSubstr("\nmetrics_rejected_total{reason=\"not_durable\"} 1\n"));
}

}  // namespace
}  // namespace octolake::gateway
