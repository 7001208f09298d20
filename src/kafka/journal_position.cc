#include "kafka/journal_position.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>

namespace octolake::kafka {
namespace {

using Steady = std::chrono::steady_clock;

// A transaction lives for a minute (transaction.timeout.ms); the coordinator looks every ten
// seconds.
constexpr std::chrono::seconds kLongestTransaction{90};
constexpr int kWatermarkMillis = 5'000;
constexpr int32_t kPartition = 0;

std::string_view TextOf(const void* bytes, size_t size) {
  return bytes == nullptr ? std::string_view()
                          : std::string_view(static_cast<const char*>(bytes), size);
}

Status AssignFromBeginning(const Client& consumer, const std::string& topic) {
  const RdPartitions partitions(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), kPartition)->offset =
      RD_KAFKA_OFFSET_BEGINNING;
  const auto code = rd_kafka_assign(consumer.get(), partitions.get());
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Status() : consumer.Failed("reading " + topic, code);
}

}  // namespace

std::string EncodePosition(uint64_t sequence) {
  return nlohmann::json{{"sequence", sequence}}.dump();
}

Result<uint64_t> DecodePosition(std::string_view value) {
  const auto json = nlohmann::json::parse(value, nullptr, false);
  if (json.is_object() && json.contains("sequence") && json["sequence"].is_number_unsigned()) {
    return json["sequence"].get<uint64_t>();
  }
  return MakeError(ErrorKind::kCorruption,
                   "expected {\"sequence\": N}, found '" + std::string(value.substr(0, 80)) + "'");
}

Result<uint64_t> ReadJournalPosition(const ClientOptions& options, const std::string& topic,
                                     const Uuid& journal, const Logger& logger) {
  OCTO_ASSIGN(const auto consumer,
              Client::Make(RD_KAFKA_CONSUMER, options,
                           {{"group.id", "octolake-positions"},  // asked for, never joined
                            {"enable.auto.commit", "false"},
                            {"auto.offset.reset", "earliest"},
                            {"isolation.level", "read_committed"},
                            {"enable.partition.eof", "true"}},
                           logger));
  const std::string what = "reading " + topic;
  // Not the end that committed readers see, which is before any transaction under way.
  int64_t begin = 0;
  int64_t end = 0;
  {
    OCTO_ASSIGN(const auto uncommitted, Client::Make(RD_KAFKA_CONSUMER, options,
                                                     {{"group.id", "octolake-positions"},
                                                      {"isolation.level", "read_uncommitted"}},
                                                     logger));
    const auto code = rd_kafka_query_watermark_offsets(uncommitted->get(), topic.c_str(),
                                                       kPartition, &begin, &end, kWatermarkMillis);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return uncommitted->Failed(what, code);
  }
  uint64_t sequence = 0;
  if (end <= begin) return sequence;
  OCTO_TRY(AssignFromBeginning(*consumer, topic));
  const std::string key = journal.ToString();
  const auto deadline = Steady::now() + kLongestTransaction;
  while (Steady::now() < deadline && !consumer->cancelled()) {
    const RdMessage message(rd_kafka_consumer_poll(consumer->get(), Client::kStepMillis));
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (message->offset >= end) return sequence;
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return consumer->Failed(what, message->err, rd_kafka_message_errstr(message.get()));
    }
    if (TextOf(message->key, message->key_len) == key) {
      const auto read = DecodePosition(TextOf(message->payload, message->len));
      if (!read) {
        return WithContext(read.error(), topic + ", offset " + std::to_string(message->offset));
      }
      sequence = *read;
    }
    if (message->offset + 1 >= end) return sequence;
  }
  return consumer->Failed(what, RD_KAFKA_RESP_ERR__TIMED_OUT);
}

}  // namespace octolake::kafka
