#include "kafka/partition_positions.h"

#include <utility>

namespace octolake::kafka {
namespace {

constexpr char kWhatToDo[] =
    "; with --accept-loss reading goes on with what there is, and Bronze never has the rest";

constexpr char kStreamQueryPrefix[] = "octolake.stream-query.";

}  // namespace

std::string StreamQueryProperty(const std::string& topic) { return kStreamQueryPrefix + topic; }

std::optional<std::string> StreamQueryOf(const iceberg::Table& table, const std::string& topic) {
  const auto found = table.metadata->properties.find(StreamQueryProperty(topic));
  if (found == table.metadata->properties.end()) return std::nullopt;
  return found->second;
}

Status CheckNoStreamFills(const iceberg::Table& table, const std::string& topic) {
  const auto query = StreamQueryOf(table, topic);
  if (!query) return {};
  return MakeError(
      ErrorKind::kUnsupported,
      "table " + table.identifier.ToString() + " is filled from topic " + topic +
          " by Spark's stream (property " + StreamQueryProperty(topic) + ", query " + *query +
          "): ingest would take the same messages once more; go on with the stream, or end it and "
          "give --after-stream, and what the topic still has of them comes again");
}

Result<PartitionPosition> FindPosition(Client& consumer, const iceberg::Table& bronze,
                                       const TopicPartition& partition, const std::string& topic_id,
                                       OnLoss on_loss, std::vector<std::string>* warnings) {
  OCTO_ASSIGN(const lake::StreamTag tag, lake::ReadStreamTag(bronze, partition.stream()));
  PartitionPosition position;
  position.tagged_snapshot = tag.tagged_snapshot;
  position.topic_id = topic_id;
  int64_t begin = 0;
  const rd_kafka_resp_err_t code =
      rd_kafka_query_watermark_offsets(consumer.get(), partition.topic.c_str(), partition.partition,
                                       &begin, &position.end, consumer.timeout_ms());
  const std::string what = "asking for the offsets of " + partition.ToString();
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return consumer.Failed(what, code);
  std::string problem;
  if (!tag.tagged_snapshot) {
    position.committed = position.next = begin;
    return position;
  }
  const std::string next = std::to_string(tag.next_offset);
  position.committed = position.next = tag.next_offset;
  if (!topic_id.empty() && !tag.stream_id.empty() && topic_id != tag.stream_id) {
    problem = "the topic was made again (its id is " + topic_id + ", Bronze read " + tag.stream_id +
              " up to offset " + next + "): offsets mean something else now";
  } else if (tag.next_offset < begin) {
    problem = "offsets " + next + " to " + std::to_string(begin - 1) +
              " are gone (the topic's retention), and were not read";
  } else if (tag.next_offset > position.end) {
    problem = "it ends at offset " + std::to_string(position.end) +
              ", and Bronze has read it up to " + next + ": it is another topic, or lost its end";
  }
  if (problem.empty()) return position;
  problem = "Kafka at " + consumer.options().bootstrap_servers + ", " + partition.ToString() +
            ": " + problem;
  if (on_loss == OnLoss::kStop) return MakeError(ErrorKind::kCorruption, problem + kWhatToDo);
  warnings->push_back(problem + "; going on at offset " + std::to_string(begin));
  position.next = begin;
  return position;
}

}  // namespace octolake::kafka
