// Records of a journal as the messages of one transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "event/message_rows.h"
#include "event/received_rows.h"
#include "journal/record.h"

namespace octolake::kafka {

// Headers of a message on the topic of what was rejected; docs/kafka.md describes them.
inline constexpr char kReasonHeader[] = "octolake-reason";
inline constexpr char kSourceHeader[] = "octolake-source";
inline constexpr char kTraceIdHeader[] = "octolake-trace-id";
inline constexpr char kReceivedAtHeader[] = "octolake-received-at";  // microseconds, decimal
inline constexpr char kPartHeader[] = "octolake-part";               // "2/3"; absent: the whole
// Of a message that holds nothing, and is there for the sake of its transaction alone.
inline constexpr char kNothingHeader[] = "octolake-nothing";

struct OutgoingMessage {
  bool rejected = false;  // for <topic>.rejected, else for the events' topic
  int32_t partition = 0;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct BatchLimits {
  int32_t partitions = 1;  // of the events' topic
  int32_t rejected_partitions = 1;
  // Of a message's value.
  int64_t max_event_message = 1'000'000;
  int64_t max_rejected_message = 1'000'000;
  // A container is one that ingest does not reject.
  event::MessageLimits readers{};
};

struct MessageBatch {
  std::vector<OutgoingMessage> messages;
  int64_t events = 0;
  int64_t rejected = 0;   // documents that are no events
  int64_t too_large = 0;  // events that no message can hold
};

// A message without an event: for the events' topic a container without records.
Result<OutgoingMessage> EmptyMessage(bool rejected, int32_t partition, RandomSource& random);

// The partition of an event: a hash (CRC-32C) of its repository's id, else of its name, else of the
// event's id.
int32_t PartitionOf(std::string_view key, int32_t partitions);

// Collects records, in the order of the journal, and makes messages of them: for each partition one
// container with its events in that order, or several where one would be too large. What is no
// event becomes a rejected message with its bytes. An event that is too large for a container of
// its own becomes one, too, with the event as JSON, in as many parts as it needs. Not thread-safe.
class BatchEncoder {
 public:
  BatchEncoder(const std::string& origin, RandomSource& random);

  Status Add(const journal::Record& record, uint64_t sequence);
  // Of the records since the last Finish.
  Result<MessageBatch> Finish(const BatchLimits& limits);

 private:
  RandomSource& random_;
  event::ReceivedRows rows_;
};

}  // namespace octolake::kafka
