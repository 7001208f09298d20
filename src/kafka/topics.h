// Topics of a cluster: what they are, and making those that are missing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kafka/client.h"

namespace octolake::kafka {

// Beside a topic of events are <topic>.rejected and <topic>.positions.
std::string RejectedTopic(const std::string& topic);
std::string PositionsTopic(const std::string& topic);

// How many partitions a topic has; nullopt if there is no such topic.
Result<std::optional<int32_t>> FindPartitions(Client& client, const std::string& topic);
// The same; kNotFound if there is none.
Result<int32_t> GetPartitions(Client& client, const std::string& topic);
// The same of a topic just made, which not every broker needs to know at once.
Result<int32_t> AwaitPartitions(Client& client, const std::string& topic);

// A topic's id, another one when it is made again; empty with brokers before 2.8. nullopt if there
// is no such topic. With a limit it takes no longer, and does not end with the client's cancelling.
Result<std::optional<std::string>> FindTopicId(
    Client& client, const std::string& topic,
    std::optional<std::chrono::milliseconds> limit = std::nullopt);

// The sum of the offsets at which partitions end: of topics and how many each has. It grows with
// each message, and shrinks if a partition loses its end, or is made again. All partitions answer,
// or it is an error. With a limit as above.
Result<int64_t> SumEnds(Client& client, const std::vector<std::pair<std::string, int32_t>>& topics,
                        std::optional<std::chrono::milliseconds> limit = std::nullopt);

struct TopicPlan {
  std::string name;
  int32_t partitions = -1;  // -1: the broker's default, as for the next
  int16_t replication = -1;
  Properties config;
};

// One that is there already, also by somebody else at this moment, is left as it is. kTransient, or
// what the broker has against it.
Status CreateTopic(Client& client, const TopicPlan& plan);

// What a broker says of a topic's settings; without the right to DescribeConfigs, nothing.
struct TopicSettings {
  std::optional<int64_t> max_message_bytes;
  std::optional<std::string> cleanup_policy;
  std::string hidden;  // why nothing is known; empty: something is
};

// Of topics, in their order. An error is one of the whole question.
Result<std::vector<TopicSettings>> DescribeTopicSettings(Client& client,
                                                         const std::vector<std::string>& topics);

}  // namespace octolake::kafka
