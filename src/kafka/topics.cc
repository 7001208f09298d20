#include "kafka/topics.h"

#include <chrono>
#include <functional>
#include <string_view>
#include <thread>

#include "base/string_util.h"

namespace octolake::kafka {
namespace {

constexpr char kZeroId[] = "AAAAAAAAAAAAAAAAAAAAAA";  // base64 of a UUID of zeros
constexpr const char kMaxMessageBytes[] = "max.message.bytes";
constexpr const char kCleanupPolicy[] = "cleanup.policy";

// Sends a request of the admin API, and waits for its answer. With a limit that counts, and not
// whether the client was cancelled.
Result<RdEvent> Ask(Client& client, rd_kafka_admin_op_t operation, const std::string& what,
                    const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send,
                    std::optional<std::chrono::milliseconds> limit = std::nullopt) {
  const RdAdminOptions options(rd_kafka_AdminOptions_new(client.get(), operation));
  char text[256];
  const bool describes = operation == RD_KAFKA_ADMIN_OP_DESCRIBETOPICS ||
                         operation == RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
  const auto usual =
      describes ? client.options().describe_timeout : client.options().request_timeout;
  const auto timeout_ms = static_cast<int>(limit.value_or(usual).count());
  if (rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, text, sizeof text) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return MakeError(ErrorKind::kInvalidArgument, std::string("Kafka: ") + text);
  }
  const RdQueue queue(rd_kafka_queue_new(client.get()));
  send(options.get(), queue.get());
  // The request has a limit of its own.
  RdEvent event;
  while (event == nullptr) {
    if (!limit && client.cancelled()) return client.Failed(what, RD_KAFKA_RESP_ERR__INTR);
    event.reset(rd_kafka_queue_poll(queue.get(), Client::kStepMillis));
  }
  const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return client.Failed(what, code, rd_kafka_event_error_string(event.get()));
  }
  return event;
}

}  // namespace

std::string RejectedTopic(const std::string& topic) { return topic + ".rejected"; }
std::string PositionsTopic(const std::string& topic) { return topic + ".positions"; }

Result<std::optional<int32_t>> FindPartitions(Client& client, const std::string& topic) {
  const RdTopic handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  const auto deadline = std::chrono::steady_clock::now() + client.options().request_timeout;
  while (true) {
    const rd_kafka_metadata_t* found = nullptr;
    auto code = rd_kafka_metadata(client.get(), 0, handle.get(), &found, Client::kStepMillis);
    const RdMetadata metadata(found);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && found->topic_cnt == 1) {
      code = found->topics[0].err;
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return std::optional<int32_t>(found->topics[0].partition_cnt);
      }
      if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::optional<int32_t>();
    }
    // A topic without a leader, a broker that is away: for a while.
    if (client.cancelled() || std::chrono::steady_clock::now() >= deadline) {
      return client.Failed("looking for topic " + topic, code);
    }
    std::this_thread::sleep_for(Client::kPause);
  }
}

Result<int32_t> GetPartitions(Client& client, const std::string& topic) {
  OCTO_ASSIGN(const auto partitions, FindPartitions(client, topic));
  if (partitions.value_or(0) > 0) return *partitions;
  return MakeError(ErrorKind::kNotFound,
                   "Kafka at " + client.options().bootstrap_servers + " has no topic " + topic);
}

Result<int32_t> AwaitPartitions(Client& client, const std::string& topic) {
  const auto deadline = std::chrono::steady_clock::now() + client.options().request_timeout;
  while (true) {
    auto partitions = GetPartitions(client, topic);
    if (partitions || partitions.error().kind != ErrorKind::kNotFound || client.cancelled() ||
        std::chrono::steady_clock::now() >= deadline) {
      return partitions;
    }
    std::this_thread::sleep_for(Client::kPause);
  }
}

Result<std::optional<std::string>> FindTopicId(Client& client, const std::string& topic,
                                               std::optional<std::chrono::milliseconds> limit) {
  const char* names[] = {topic.c_str()};
  const RdTopics topics(rd_kafka_TopicCollection_of_topic_names(names, 1));
  const std::string what = "describing topic " + topic;
  OCTO_ASSIGN(const RdEvent event,
              Ask(
                  client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, what,
                  [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                    rd_kafka_DescribeTopics(client.get(), topics.get(), options, queue);
                  },
                  limit));
  size_t count = 0;
  const auto* const result = rd_kafka_event_DescribeTopics_result(event.get());
  const auto* const* const found = rd_kafka_DescribeTopics_result_topics(result, &count);
  if (count != 1) return client.Failed(what, RD_KAFKA_RESP_ERR__BAD_MSG);
  const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(found[0]);
  if (error != nullptr && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    return std::optional<std::string>();
  }
  if (error != nullptr && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return client.Failed(what, *error);
  }
  const rd_kafka_Uuid_t* id = rd_kafka_TopicDescription_topic_id(found[0]);
  const std::string text = id == nullptr ? kZeroId : rd_kafka_Uuid_base64str(id);
  return std::optional<std::string>(text == kZeroId ? "" : text);
}

Result<int64_t> SumEnds(Client& client, const std::vector<std::pair<std::string, int32_t>>& topics,
                        std::optional<std::chrono::milliseconds> limit) {
  const RdPartitions partitions(rd_kafka_topic_partition_list_new(1));
  for (const auto& [topic, count] : topics) {
    for (int32_t i = 0; i < count; ++i) {
      rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), i)->offset =
          RD_KAFKA_OFFSET_SPEC_LATEST;
    }
  }
  const std::string what = "asking for the ends of topics";
  OCTO_ASSIGN(const RdEvent event,
              Ask(
                  client, RD_KAFKA_ADMIN_OP_LISTOFFSETS, what,
                  [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                    rd_kafka_ListOffsets(client.get(), partitions.get(), options, queue);
                  },
                  limit));
  size_t count = 0;
  const auto* const* const ends =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  if (count != static_cast<size_t>(partitions->cnt)) {
    return client.Failed(what, RD_KAFKA_RESP_ERR__BAD_MSG);
  }
  int64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto* const end = rd_kafka_ListOffsetsResultInfo_topic_partition(ends[i]);
    if (end->err != RD_KAFKA_RESP_ERR_NO_ERROR) return client.Failed(what, end->err);
    // What was asked for: the broker has not answered in time.
    if (end->offset < 0) return client.Failed(what, RD_KAFKA_RESP_ERR__TIMED_OUT);
    sum += end->offset;
  }
  return sum;
}

Status CreateTopic(Client& client, const TopicPlan& plan) {
  const std::string what = "creating topic " + plan.name;
  char text[256];
  const RdNewTopic topic(rd_kafka_NewTopic_new(plan.name.c_str(), plan.partitions, plan.replication,
                                               text, sizeof text));
  if (topic == nullptr) return MakeError(ErrorKind::kInvalidArgument, what + ": " + text);
  for (const auto& [name, value] : plan.config) {
    rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
  }
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  OCTO_ASSIGN(const RdEvent event,
              Ask(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, what,
                  [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                    rd_kafka_CreateTopics(client.get(), topics, 1, options, queue);
                  }));
  size_t count = 0;
  const auto* const result = rd_kafka_event_CreateTopics_result(event.get());
  const auto* const* const made = rd_kafka_CreateTopics_result_topics(result, &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(made[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      continue;
    }
    const char* detail = rd_kafka_topic_result_error_string(made[i]);
    return client.Failed(what, code, detail == nullptr ? "" : detail);
  }
  return {};
}

namespace {

// What a setting of a topic is; nullopt if the broker does not say.
std::optional<std::string> SettingIn(const rd_kafka_ConfigResource_t& resource,
                                     std::string_view name) {
  size_t count = 0;
  const auto* const* const entries = rd_kafka_ConfigResource_configs(&resource, &count);
  for (size_t i = 0; i < count; ++i) {
    if (rd_kafka_ConfigEntry_name(entries[i]) != name) continue;
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<TopicSettings>> DescribeTopicSettings(Client& client,
                                                         const std::vector<std::string>& topics) {
  const std::string what = "asking for topics' settings";
  std::vector<RdConfigResource> owned;
  std::vector<rd_kafka_ConfigResource_t*> resources;
  for (const std::string& topic : topics) {
    owned.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    resources.push_back(owned.back().get());
  }
  OCTO_ASSIGN(const RdEvent event,
              Ask(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, what,
                  [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                    rd_kafka_DescribeConfigs(client.get(), resources.data(), resources.size(),
                                             options, queue);
                  }));
  size_t count = 0;
  const auto* const result = rd_kafka_event_DescribeConfigs_result(event.get());
  const auto* const* const found = rd_kafka_DescribeConfigs_result_resources(result, &count);
  if (count != topics.size()) return client.Failed(what, RD_KAFKA_RESP_ERR__BAD_MSG);
  std::vector<TopicSettings> settings;
  // The answer is in the order of the question.
  for (size_t i = 0; i < count; ++i) {
    TopicSettings& one = settings.emplace_back();
    const rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(found[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      one.hidden = topics[i] + ": " + rd_kafka_err2str(code);
      continue;
    }
    one.max_message_bytes =
        ParseNumber<int64_t>(SettingIn(*found[i], kMaxMessageBytes).value_or(""));
    one.cleanup_policy = SettingIn(*found[i], kCleanupPolicy);
  }
  return settings;
}

}  // namespace octolake::kafka
