// Puts the parts of rejected documents together (message_batch.h). Those of one document are in one
// partition, in their order and in one transaction; what others send can lie between them.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  std::string trace_id;  // another one for each document
  std::optional<TimestampMicros> received_at;
  int64_t part = 1;
  int64_t parts = 1;
  bool nothing = false;  // no document: to be passed over
};
RejectedPart PartOf(const rd_kafka_message_t& message);
// Without headers: nullptr.
RejectedPart PartOf(std::string_view document, const rd_kafka_headers_t* headers);

struct PartsLimits {
  // The journal takes no larger document.
  size_t document_bytes = size_t{64} << 20;
  // Of all that is held.
  size_t held_bytes = size_t{256} << 20;
};

// Not thread-safe.
class RejectedParts {
 public:
  using AddRow = std::function<Status(const event::RejectedMessage&, const event::MessagePlace&)>;

  // `add` is called with each document once it is whole and no other one of its partition is open,
  // so that all that was added lies before what was not. A document that is larger than any we
  // send, whose parts are not all there, or that would be held beyond the limits is added as far as
  // it came, with a reason that says so; nothing is left out.
  explicit RejectedParts(AddRow add, PartsLimits limits = {})
      : add_(std::move(add)), limits_(limits) {}

  // The messages of a partition, in their order, each at its place (which has partition and
  // offset). `end` is where the partition ended when the message was fetched: its transaction was
  // committed by then, so that the other parts lie before it.
  Status Take(RejectedPart part, const event::MessagePlace& place, int64_t end);
  // Everything before `next` was read: documents whose end it has reached get no more parts.
  Status Passed(int32_t partition, int64_t next);
  // The first offset that is held, where reading has to begin again; nullopt: none is.
  std::optional<int64_t> HeldFrom(int32_t partition) const;
  void Clear() { partitions_.clear(); }

 private:
  struct Document {
    RejectedPart so_far;  // `part` is the last one
    int64_t first_part = 1;
    event::MessagePlace place;  // of the first one that came
    int64_t end = 0;
  };
  // What came since a document was open.
  struct Partition {
    int64_t from = 0;
    std::map<int64_t, Document> open;       // by the first offset, and so by their ends
    std::map<std::string, int64_t> offset;  // of those, by trace id
    std::vector<Document> closed;           // to be added
    size_t bytes = 0;
  };

  Status Add(const Document& document);
  // Adds the part to its document, which may be a new one.
  void Join(Partition& partition, Document part);
  static void Close(Partition& partition, int64_t offset);
  // Adds what is closed, if nothing is open any more.
  Status Settle(int32_t number);
  Status GiveUpAll();

  AddRow add_;
  const PartsLimits limits_;
  std::map<int32_t, Partition> partitions_;  // of which something is held
};

}  // namespace octolake::kafka
