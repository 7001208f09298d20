// Puts the parts of rejected documents together (message_batch.h): those of one document follow one
// another in a partition, and all of them are in one transaction.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "event/message_rows.h"

namespace octolake::kafka {

// A message of the topic of what was rejected. What has no header, since somebody else wrote it, is
// one document, rejected for a reason that says so.
struct RejectedPart {
  std::string document;
  std::string reason;
  std::string source;
  std::string trace_id;
  std::optional<TimestampMicros> received_at;
  int64_t part = 1;
  int64_t parts = 1;
  bool nothing = false;  // no document: to be passed over
};
RejectedPart PartOf(const rd_kafka_message_t& message);

// Not thread-safe.
class RejectedParts {
 public:
  using AddRow = std::function<Status(const event::RejectedMessage&, const event::MessagePlace&)>;

  // `add` is called with each document that is whole. One that is larger than any we send, or whose
  // parts do not follow one another, is added as far as it came, with a reason that says so.
  explicit RejectedParts(AddRow add) : add_(std::move(add)) {}

  Status Take(RejectedPart part, const event::MessagePlace& place);
  // The end of a partition, of what is committed to it: no more parts will come.
  Status End(int32_t partition);
  void Clear() { open_.clear(); }
  // Whether a document is there in part: its offsets must not be passed yet.
  bool open() const { return !open_.empty(); }

 private:
  struct Open {
    RejectedPart so_far;  // `part` is the last one
    event::MessagePlace place;
  };
  Status Add(const RejectedPart& whole, const event::MessagePlace& place);
  Status AddIncomplete(int32_t partition);

  AddRow add_;
  std::map<int32_t, Open> open_;  // by partition
};

}  // namespace octolake::kafka
