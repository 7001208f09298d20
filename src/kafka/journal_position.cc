#include "kafka/journal_position.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

namespace octolake::kafka {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kWatermarkMillis = 5'000;
constexpr int32_t kPartition = 0;

std::string_view TextOf(const void* bytes, size_t size) {
  return bytes == nullptr ? std::string_view()
                          : std::string_view(static_cast<const char*>(bytes), size);
}

Result<std::unique_ptr<Client>> MakeReader(const ClientOptions& options, const char* isolation,
                                           const Logger& logger) {
  return Client::Make(RD_KAFKA_CONSUMER, options,
                      {{"group.id", "octolake-positions"},  // asked for, never joined
                       {"enable.auto.commit", "false"},
                       {"auto.offset.reset", "earliest"},
                       {"isolation.level", isolation},
                       {"enable.partition.eof", "true"}},
                      logger);
}

// The last position of a journal in the topic's partition, up to where the reader sees its end.
class PositionScan {
 public:
  PositionScan(const Client& reader, std::string topic, const Uuid& journal)
      : reader_(reader), topic_(std::move(topic)), key_(journal.ToString()) {}

  Status Begin(int64_t offset) {
    const RdPartitions partitions(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(partitions.get(), topic_.c_str(), kPartition)->offset =
        offset;
    const auto code = rd_kafka_assign(reader_.get(), partitions.get());
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Status() : Failed(code);
  }

  // Reads on for a moment.
  Status Turn() {
    const RdMessage message(rd_kafka_consumer_poll(reader_.get(), Client::kStepMillis));
    if (message == nullptr) return {};
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      next_ = message->offset;
      return {};
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed(message->err);
    next_ = message->offset + 1;
    if (TextOf(message->key, message->key_len) != key_) return {};
    auto sent = DecodePosition(TextOf(message->payload, message->len));
    if (!sent) {
      return WithContext(sent.error(), topic_ + ", offset " + std::to_string(message->offset));
    }
    sent_ = *std::move(sent);
    if (!first_offset_) first_offset_ = message->offset;
    return {};
  }

  int64_t next() const { return next_; }  // behind what was read
  const std::optional<SentPosition>& sent() const { return sent_; }
  std::optional<int64_t> first_offset() const { return first_offset_; }  // of this journal's
  tl::unexpected<Error> Failed(rd_kafka_resp_err_t code) const {
    return reader_.Failed("reading " + topic_, code);
  }

 private:
  const Client& reader_;
  const std::string topic_;
  const std::string key_;
  int64_t next_ = 0;
  std::optional<SentPosition> sent_;
  std::optional<int64_t> first_offset_;
};

// The last position of the journal's own transaction that is open at `offset`, where committed
// readers are held up; nullopt if the open one is somebody else's.
Result<std::optional<SentPosition>> FindLeftOpen(const ClientOptions& options,
                                                 const std::string& topic, int64_t offset,
                                                 int64_t end, const Uuid& journal,
                                                 const Logger& logger) {
  OCTO_ASSIGN(const auto reader, MakeReader(options, "read_uncommitted", logger));
  PositionScan scan(*reader, topic, journal);
  OCTO_TRY(scan.Begin(offset));
  auto moved = Steady::now();
  while (scan.next() < end) {
    if (Steady::now() - moved >= options.request_timeout || reader->cancelled()) {
      return scan.Failed(RD_KAFKA_RESP_ERR__TIMED_OUT);
    }
    const int64_t before = scan.next();
    OCTO_TRY(scan.Turn());
    if (scan.next() > before) moved = Steady::now();
  }
  return scan.first_offset() == offset ? scan.sent() : std::nullopt;
}

Result<std::pair<int64_t, int64_t>> Watermarks(const Client& reader, const std::string& topic,
                                               int32_t partition) {
  int64_t begin = 0;
  int64_t end = 0;
  const auto code = rd_kafka_query_watermark_offsets(reader.get(), topic.c_str(), partition, &begin,
                                                     &end, kWatermarkMillis);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return std::pair(begin, end);
  return reader.Failed("asking for the offsets of " + topic, code);
}

}  // namespace

std::string EncodePosition(const SentPosition& position) {
  return nlohmann::ordered_json{{"sequence", position.sequence}, {"sender", position.sender}}
      .dump();
}

Result<SentPosition> DecodePosition(std::string_view value) {
  const auto json = nlohmann::json::parse(value, nullptr, false);
  const bool has_sequence =
      json.is_object() && json.contains("sequence") && json["sequence"].is_number_unsigned();
  if (has_sequence && (!json.contains("sender") || json["sender"].is_string())) {
    return SentPosition{json["sequence"].get<uint64_t>(), json.value("sender", "")};
  }
  return MakeError(ErrorKind::kCorruption,
                   "expected {\"sequence\": N, \"sender\": \"UUID\"}, found '" +
                       std::string(value.substr(0, 100)) + "'");
}

Result<PartitionEnds> FindEnds(const ClientOptions& options, const std::string& topic,
                               int32_t partition, const Logger& logger) {
  OCTO_ASSIGN(const auto all, MakeReader(options, "read_uncommitted", logger));
  OCTO_ASSIGN(const auto committed, MakeReader(options, "read_committed", logger));
  OCTO_ASSIGN(const auto of_all, Watermarks(*all, topic, partition));
  OCTO_ASSIGN(const auto of_committed, Watermarks(*committed, topic, partition));
  return PartitionEnds{of_all.first, of_all.second, of_committed.second};
}

Result<JournalPositionFound> ReadJournalPosition(const ClientOptions& options,
                                                 const std::string& topic, const Uuid& journal,
                                                 const Logger& logger, const PositionWaits& waits) {
  OCTO_ASSIGN(const PartitionEnds ends, FindEnds(options, topic, kPartition, logger));
  if (ends.all <= ends.begin) return JournalPositionFound{};
  OCTO_ASSIGN(const auto reader, MakeReader(options, "read_committed", logger));
  PositionScan scan(*reader, topic, journal);
  OCTO_TRY(scan.Begin(RD_KAFKA_OFFSET_BEGINNING));
  auto moved = Steady::now();
  bool looked = false;
  while (scan.next() < ends.all) {
    const auto waited = Steady::now() - moved;
    if (waited >= waits.longest_transaction || reader->cancelled()) {
      return scan.Failed(RD_KAFKA_RESP_ERR__TIMED_OUT);
    }
    const int64_t before = scan.next();
    OCTO_TRY(scan.Turn());
    if (scan.next() > before) {
      moved = Steady::now();
      looked = false;
    }
    if (looked || waited < waits.mark_comes || scan.next() > before) continue;
    looked = true;
    OCTO_ASSIGN(const auto left_open,
                FindLeftOpen(options, topic, scan.next(), ends.all, journal, logger));
    if (left_open) return JournalPositionFound{left_open, true};
  }
  return JournalPositionFound{scan.sent(), false};
}

}  // namespace octolake::kafka
