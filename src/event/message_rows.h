// Avro messages (message_schema.h) as rows of Bronze and of rejected_events.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "event/event_reader.h"

namespace octolake::event {

// A message that takes more of these is rejected as a whole.
struct MessageLimits {
  int64_t block_bytes = int64_t{64} << 20;   // of one block, decompressed
  int64_t total_bytes = int64_t{128} << 20;  // of all blocks, decompressed
  int64_t records = 100'000;
  // In all records, those in arrays and maps included: some take no bytes of the message, and fifty
  // bytes of memory.
  int64_t values = 2'000'000;
  // Of all rejected records as JSON, in which the names of the schema come again with each.
  int64_t rejected_json_bytes = int64_t{16} << 20;
};

// Where a message was read, for its rows.
struct MessagePlace {
  std::string origin;                // of rejected rows: source_file
  std::optional<int32_t> partition;  // kafka_partition
  std::optional<int64_t> offset;     // kafka_offset, and ordinal of rejected rows
  // ingestion_timestamp of records that do not say when they were received, or say a time before
  // 1970 or after 9999; brought into these years
  TimestampMicros timestamp = 0;
};

// What could not become an event, before it came here.
struct RejectedMessage {
  std::string_view raw;
  std::string_view reason;
  std::string_view source;    // empty: kDefaultSource
  std::string_view trace_id;  // if it is no UUID, another is given
  std::optional<TimestampMicros> received_at;
};

// Not thread-safe.
class MessageRows {
 public:
  // The source of records that do not name theirs: those of the original collector.
  static constexpr std::string_view kDefaultSource = "collect";

  // trace_ids are given to records without one, and must outlive this.
  explicit MessageRows(UuidV7Generator& trace_ids, const MessageLimits& limits = {});
  ~MessageRows();

  // Adds the records of one message: an object container file with codec null, deflate or
  // zstandard, in the original schema or in ours. A message that cannot be read to its end becomes
  // one rejected row, with its bytes and the reason; a record that is no event (its id is empty,
  // its created_at is no date, its payload is no JSON, its text is not UTF-8) becomes a rejected
  // row with its fields as JSON. What a message is makes no error; errors are those of memory.
  Status Add(std::string_view message, const MessagePlace& place);
  Status AddRejected(const RejectedMessage& rejected, const MessagePlace& place);

  // That the rows since the last Finish take in memory: all of their text, whatever column it is
  // in, and about what else they have.
  int64_t bytes() const;
  int64_t rows() const;  // of both kinds, since the last Finish
  // The rows since the last Finish: all columns of EventSchema() and RejectedSchema().
  // rejected_places is left empty: trace ids are there. byte_offset is NULL.
  Result<EventBatch> Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octolake::event
