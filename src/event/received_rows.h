// Documents that were received one by one, each with an envelope of its own, as rows of Bronze and
// of rejected_events.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "event/event_reader.h"
#include "event/webhook.h"

namespace octolake::event {

// The source whose documents are webhook deliveries; those of all others are events.
inline constexpr std::string_view kWebhookSource = "webhook";

struct ReceivedDocument {
  std::string_view source;
  Uuid trace_id;
  TimestampMicros received_at = 0;  // ingestion_timestamp, or received
  std::string_view delivery_id;     // of a webhook
  const Headers& headers;           // of a webhook
  std::string_view body;            // one JSON document
  int64_t ordinal = 0;              // of a rejected row: where it was read
};

// Not thread-safe.
class ReceivedRows {
 public:
  // `origin` says in rejected rows what they were read from (source_file).
  explicit ReceivedRows(std::string origin, int max_depth = ReadOptions().max_depth);
  ~ReceivedRows();

  // Adds a row of one kind or the other; what a document is does not make an error.
  Status Add(const ReceivedDocument& document);
  int64_t bytes() const;  // that the rows since the last Finish take in memory, about
  // The rows since the last Finish. rejected_places is left empty: trace ids are there. byte_offset
  // is NULL.
  Result<EventBatch> Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octolake::event
