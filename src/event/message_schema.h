// The Avro message: a record `GitHubEvent`, of which one Kafka message holds a batch as an object
// container file (docs/formats/avro_message.md).
//
// The original schema has id, type, actor, repo, payload, public and created_at. What is written
// here is an evolution of it: what a source does not carry is null, and org, trace_id, source,
// delivery_id, received_at and extra are added.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "avro/schema.h"
#include "avro/value.h"
#include "base/clock.h"
#include "base/result.h"
#include "event/event_row.h"

namespace octolake::event {

// What is written.
const avro::SchemaPtr& MessageSchema();

// One record, with the columns of Bronze that it has. event_time is not in a message: it follows
// from created_at.
struct MessageRecord : EventRow {
  Text trace_id;
  Text source;
  std::optional<int64_t> received_at;  // TimestampMicros
};

// How records of a writer's schema become MessageRecords, by the names of fields (Avro 1.12.0
// specification, "Schema Resolution"). Fields that a MessageRecord does not have are passed over;
// those that the writer lacks are absent, but id, type and created_at, which it must have. Records
// are matched by where they stand, whatever their name.
class MessageResolution {
 public:
  // kUnsupported, naming the field, if the schema cannot be read as a GitHubEvent.
  static Result<MessageResolution> Resolve(const avro::SchemaPtr& writer);

  // Fills `record`, whose text belongs to `value`, a record of the writer's schema. Empty, or what
  // is wrong: a branch of a union that cannot be read as the field ("actor.id is a string"), or
  // text that is not UTF-8.
  std::string Read(const avro::Value& value, MessageRecord* record) const;

 private:
  struct Source {
    size_t field = 0;              // of the writer's record
    std::optional<size_t> member;  // of the record in that field
    size_t slot = 0;
  };
  std::vector<Source> sources_;
};

}  // namespace octolake::event
