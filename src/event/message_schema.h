// The Avro message: a record `GitHubEvent`, of which one Kafka message holds a batch as an object
// container file (docs/formats/avro_message.md).
//
// The original schema has id, type, actor, repo, payload, public and created_at. What is written
// here is an evolution of it: what a source does not carry is null, and org, trace_id, source,
// delivery_id, received_at and extra are added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "avro/binary.h"
#include "avro/schema.h"
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

  // What is to be read of a record of the writer's schema, and how many views that makes.
  const avro::WantedFields& wanted() const { return wanted_; }
  size_t views() const { return views_; }

  // Fills `record` from the views of one; its text is theirs. Empty, or what is wrong: a branch of
  // a union that cannot be read as the field ("actor.id is a string"), or text that is not UTF-8.
  std::string Fill(std::span<const avro::FieldView> views, MessageRecord* record) const;

 private:
  struct Source {
    size_t slot = 0;
    size_t view = 0;
    std::optional<size_t> object_view;  // of the record that it is in
  };
  size_t Want(avro::WantedFields* field);  // its view
  std::vector<Source> sources_;
  avro::WantedFields wanted_;
  size_t views_ = 0;
};

}  // namespace octolake::event
