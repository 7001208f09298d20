// Where reading of a topic's partitions goes on: what Bronze says, compared with what the cluster
// has.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kafka/client.h"
#include "lake/position.h"
#include "lake/warehouse.h"

namespace octolake::kafka {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;

  std::string ToString() const { return topic + "/" + std::to_string(partition); }
  lake::StreamPartition stream() const { return {"kafka." + topic, partition}; }
};

struct PartitionPosition {
  std::optional<int64_t> tagged_snapshot;  // of Bronze; nullopt: nothing was committed yet
  std::string topic_id;
  int64_t committed = 0;  // the next offset, as Bronze has it
  int64_t next = 0;       // the next one to commit: everything before it was read, and is whole
  int64_t read = 0;       // the next one to read
  // What committed readers could read when this was asked for ended here.
  int64_t end = 0;
};

enum class OnLoss {
  kStop,
  kGoOn,  // at the first offset there is
};

// The property by which a table knows the query of Spark's stream that fills it from the topic
// (spark/octolake_spark/stream_record.py).
std::string StreamQueryProperty(const std::string& topic);
// The query; nullopt if none has.
std::optional<std::string> StreamQueryOf(const iceberg::Table& table, const std::string& topic);
// kUnsupported, saying what to do, if one fills the table: it keeps its offsets elsewhere, and
// would have the same messages in the table as well.
Status CheckNoStreamFills(const iceberg::Table& table, const std::string& topic);

// kCorruption where it cannot go on, with the range that is missing: the topic was made again, its
// retention removed offsets that were never read, or it ends before the position. `consumer` must
// be one of committed records. `warnings` is told what was passed over (kGoOn).
Result<PartitionPosition> FindPosition(Client& consumer, const iceberg::Table& bronze,
                                       const TopicPartition& partition, const std::string& topic_id,
                                       OnLoss on_loss, std::vector<std::string>* warnings);

}  // namespace octolake::kafka
