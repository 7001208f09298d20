#include "kafka/producer_topics.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kafka/topics.h"

namespace octolake::kafka {
namespace {

// What a message takes beside its value: a record batch's header, a record's, and our headers.
constexpr int64_t kMessageOverhead = 2048;
// Of topics made here: an event of 25 MB, compressed, is usually below it.
constexpr char kMadeMaxMessage[] = "10485760";

// Of the topic of positions, which is read from its beginning with each connection: what was
// superseded goes soon, and with it the marks of transactions. A broker never compacts the segment
// that it writes to, and takes none smaller than a megabyte.
const Properties kOfPositions = {{"cleanup.policy", "compact"},
                                 {"segment.bytes", "1048576"},
                                 {"segment.ms", "3600000"},
                                 {"delete.retention.ms", "3600000"},
                                 {"min.cleanable.dirty.ratio", "0.01"}};

Result<int32_t> PartitionsFor(Client& admin, const ProducerOptions& options, const Logger& logger,
                              const TopicPlan& plan) {
  OCTO_ASSIGN(const auto partitions, FindPartitions(admin, plan.name));
  if (partitions.value_or(0) > 0) return *partitions;
  if (!options.create_topics) {
    return MakeError(ErrorKind::kTransient, "Kafka at " + options.client.bootstrap_servers +
                                                " has no topic " + plan.name +
                                                ", and kafka.create_topics is false: make it");
  }
  OCTO_TRY(CreateTopic(admin, plan));
  logger->info("made topic {}", plan.name);
  auto made = AwaitPartitions(admin, plan.name);
  // To be waited for by this producer, which knows what it has sent; not by another one.
  if (!made) return MakeError(ErrorKind::kTransient, std::move(made).error().message);
  return made;
}

// A topic that somebody made without thinking of it removes its records after a week, and with them
// what says that they are in Kafka. Transient: it may be altered.
Status CheckPositionsAreKept(const ProducerOptions& options, const Logger& logger,
                             const TopicSettings& settings) {
  const std::string topic = PositionsTopic(options.topic);
  if (!settings.cleanup_policy) {
    logger->warn(
        "it is not known whether topic {} keeps its records: see that its cleanup.policy "
        "is compact",
        topic);
    return {};
  }
  if (*settings.cleanup_policy == "compact") return {};
  return MakeError(ErrorKind::kTransient,
                   "Kafka at " + options.client.bootstrap_servers + ": topic " + topic +
                       " has cleanup.policy '" + *settings.cleanup_policy +
                       "', expected 'compact': it would lose how far the journal is in Kafka, and "
                       "the journal would be sent again. Alter the topic");
}

Status TakeSettings(Client& admin, const ProducerOptions& options, const Logger& logger,
                    ProducerTopics* topics) {
  const std::vector<std::string> names = {options.topic, RejectedTopic(options.topic),
                                          PositionsTopic(options.topic)};
  auto asked = DescribeTopicSettings(admin, names);
  if (!asked) logger->warn("{}", asked.error().message);
  const std::vector<TopicSettings> settings =
      asked ? *std::move(asked) : std::vector<TopicSettings>(names.size());
  for (const TopicSettings& one : settings) {
    if (!one.hidden.empty()) logger->warn("asking for topics' settings: {}", one.hidden);
  }
  OCTO_TRY(CheckPositionsAreKept(options, logger, settings[2]));
  if (!settings[0].max_message_bytes || !settings[1].max_message_bytes) {
    logger->warn(
        "messages are kept below {} bytes, since the broker does not say what a topic "
        "takes",
        kUsualMaxMessage);
  }
  const int64_t events = settings[0].max_message_bytes.value_or(kUsualMaxMessage);
  const int64_t rejected = settings[1].max_message_bytes.value_or(kUsualMaxMessage);
  // Below the overhead no limit could be kept; such a topic's broker will say so.
  const auto room = [](int64_t bytes) { return std::max<int64_t>(bytes - kMessageOverhead, 1024); };
  topics->limits.max_event_message = std::min(options.max_message_bytes, room(events));
  topics->limits.max_rejected_message = std::min(options.max_message_bytes, room(rejected));
  topics->max_message = std::min(events, rejected);
  return {};
}

}  // namespace

Result<ProducerTopics> PrepareTopics(Client& admin, const ProducerOptions& options,
                                     const Logger& logger) {
  const Properties large = {{"max.message.bytes", kMadeMaxMessage}};
  const int16_t replication = options.replication;
  ProducerTopics topics;
  OCTO_ASSIGN(topics.limits.partitions,
              PartitionsFor(admin, options, logger,
                            {options.topic, options.partitions, replication, large}));
  OCTO_ASSIGN(
      topics.limits.rejected_partitions,
      PartitionsFor(admin, options, logger, {RejectedTopic(options.topic), 1, replication, large}));
  OCTO_TRY(PartitionsFor(admin, options, logger,
                         {PositionsTopic(options.topic), 1, replication, kOfPositions}));
  OCTO_TRY(TakeSettings(admin, options, logger, &topics));
  return topics;
}

}  // namespace octolake::kafka
