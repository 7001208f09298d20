// How far a step has come in what it reads ("exactly once"): the position stands in the summary of
// the target's snapshot that wrote the result, and the tag octolake.<source> is at that snapshot.
// In a table it is the id of the last snapshot that was consumed, in a journal the sequence of the
// last record. The commit asserts that the tag is where the step
// found it. Tags survive compaction, foreign commits and expiry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/uuid.h"
#include "iceberg/catalog.h"
#include "iceberg/transaction.h"
#include "lake/warehouse.h"

namespace octolake::lake {

struct SourcePosition {
  // The target's snapshot that the tag is at; nullopt: the step never committed.
  std::optional<int64_t> tagged_snapshot;
  // The source's snapshot that was consumed; nullopt: nothing yet.
  std::optional<int64_t> consumed_snapshot;
};

struct JournalTag {
  // Bronze's snapshot that the tag is at; nullopt: nothing of the journal was ever committed.
  std::optional<int64_t> tagged_snapshot;
  uint64_t sequence = 0;
};

// "octolake.bronze.github_events"
std::string PositionTag(const iceberg::TableIdentifier& source);
// The summary property that holds the consumed snapshot's id.
std::string PositionProperty(const iceberg::TableIdentifier& source);
// "octolake.consumed.silver.github_events_parsed", a tag on the source.
std::string ConsumedTag(const iceberg::TableIdentifier& target);

// kCorruption if the tagged snapshot's summary lacks the property.
Result<SourcePosition> ReadPosition(const iceberg::Table& target,
                                    const iceberg::TableIdentifier& source);

// The same of a journal. Each journal has a tag of its own, octolake.journal.<uuid>: several can
// fill one Bronze, and one that is put back goes on where it was.
std::string JournalTagName(const Uuid& journal);
std::string JournalProperty(const Uuid& journal);
Result<JournalTag> ReadJournalTag(const iceberg::Table& bronze, const Uuid& journal);

// The same of a partition of a stream that numbers the records of each (a topic of Kafka). Each
// partition has a tag of its own, so that several readers can have some each.
struct StreamPartition {
  std::string stream;  // "kafka.raw_metrics_avro"
  int32_t partition = 0;
  friend auto operator<=>(const StreamPartition&, const StreamPartition&) = default;
};

struct StreamTag {
  // Bronze's snapshot that the tag is at; nullopt: nothing of the partition was ever committed.
  std::optional<int64_t> tagged_snapshot;
  int64_t next_offset = 0;  // of the first record that was not committed
  std::string stream_id;    // another one after the stream was made again; empty if it has none
};

std::string StreamTagName(const StreamPartition& partition);
// What a commit's summary says of a partition.
iceberg::Properties StreamProperties(const StreamPartition& partition, int64_t next_offset,
                                     const std::string& stream_id);
Result<StreamTag> ReadStreamTag(const iceberg::Table& bronze, const StreamPartition& partition);

// Tags the consumed snapshot on the source, after the step committed, so that the next incremental
// scan has its start. A source snapshot that is gone is no error: the next step rescans.
Status TagConsumed(Warehouse& warehouse, const iceberg::TableIdentifier& source,
                   const iceberg::TableIdentifier& target, int64_t snapshot_id);

}  // namespace octolake::lake
