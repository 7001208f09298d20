// The durable log of what was accepted. Records that arrive together share one sync; a record is
// on disk before its sender hears so. docs/formats/journal.md has the bytes.
//
// A journal is a sequence of records, numbered from 1 without a gap, in segment files. Consumers
// read it and say how far they have durably come; a segment is removed when all have passed it and
// it is older than the retention. The journal's UUID is that of its directory: a new directory is a
// new journal.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/uuid.h"
#include "journal/record.h"
#include "journal/segment_store.h"

namespace octolake::journal {

struct JournalOptions {
  int64_t segment_bytes = int64_t{64} << 20;
  // All segments; when the next one would not fit, nothing more is accepted, but for the journal's
  // own records, which may take a few segments more (IsOwnRecord), so that room can be made.
  int64_t max_bytes = int64_t{8} << 30;
  // So much is left on the disk, for those and for the tables that the journal is emptied into.
  int64_t reserve_bytes = 0;
  // Records that wait for the next sync; more are refused.
  int64_t max_waiting_records = 100'000;
  int64_t max_waiting_bytes = int64_t{64} << 20;
  // Records synced together, at most; what waits beyond it goes into the next group.
  int64_t max_group_bytes = int64_t{8} << 20;
  // Segments are kept this long, even if all consumers have passed them.
  int64_t retention_micros = 0;
};

struct JournalPosition {
  Uuid journal;
  uint64_t sequence = 0;  // of the last record that was passed; 0: none
  friend bool operator==(const JournalPosition&, const JournalPosition&) = default;
};

struct SequencedRecord {
  uint64_t sequence = 0;
  Record record;
};

struct JournalStats {
  int64_t waiting_records = 0;
  int64_t waiting_bytes = 0;
  int64_t segments = 0;
  int64_t bytes = 0;          // of all segments
  int64_t groups = 0;         // synced since the journal was opened
  int64_t failed_groups = 0;  // of which nothing was acknowledged
  int64_t torn_bytes = 0;     // left out when the journal was opened
  bool full = false;          // events had no room, and no segment could be begun since
};

// A segment as far as it is synced.
struct SegmentSummary {
  uint64_t number = 0;
  uint64_t first_sequence = 1;
  uint64_t next_sequence = 1;  // behind its last record
  int64_t bytes = 0;           // of its groups
  TimestampMicros created_at = 0;
};

// Reads records in order, as far as they are synced. Used by one thread; may outlive no journal.
class JournalReader {
 public:
  virtual ~JournalReader() = default;
  // The next records, about `max_bytes` of them (at least one if there is one); empty if there are
  // no more for now. kCorruption names segment and record.
  virtual Result<std::vector<SequencedRecord>> Next(int64_t max_bytes) = 0;
};

// Thread-safe.
class Journal {
 public:
  // Told once, from a thread of the journal's: the record's sequence when it is durable, or why it
  // is not. kResourceExhausted: no room; kIo: the disk failed. It must not block.
  using Done = std::function<void(Result<uint64_t>)>;

  // Recovers what the store holds, or begins a new journal. kCorruption names the segment whose
  // synced bytes are damaged: nothing is changed then. Store, clock and random source must outlive
  // the journal.
  static Result<std::unique_ptr<Journal>> Open(SegmentStore& store, const JournalOptions& options,
                                               const Clock& clock, RandomSource& random);
  // Waits for what was accepted.
  virtual ~Journal() = default;

  // Takes a record. An error means that it was not taken and `done` will not be called:
  // kResourceExhausted when too much waits or there is no room, kInvalidArgument for a record
  // larger than a segment, kTransient after Stop.
  virtual Status Append(Record record, Done done) = 0;
  // The same, and waits until it is durable.
  virtual Result<uint64_t> AppendAndWait(Record record) = 0;
  // Takes nothing more; returns when all that was taken is durable or has failed.
  virtual void Stop() = 0;

  virtual const Uuid& uuid() const = 0;
  virtual uint64_t first_sequence() const = 0;    // of the oldest record kept
  virtual uint64_t durable_sequence() const = 0;  // of the last durable record; 0: none

  // Whether reading can go on behind a position (of an earlier run). kCorruption, saying what to
  // do: it lies beyond the end, so another journal was put here, or before the oldest segment, so
  // that records are missing. Positions in other journals are none of this one.
  virtual Status CheckPosition(const JournalPosition& position) const = 0;
  // Records behind `sequence`.
  virtual std::unique_ptr<JournalReader> ReadAfter(uint64_t sequence) = 0;

  // Oldest first; the last is the one being written.
  virtual std::vector<SegmentSummary> Segments() const = 0;
  // Of the records behind `sequence`, with their envelopes: exact at a segment's ends, about right
  // within one.
  virtual int64_t BytesAfter(uint64_t sequence) const = 0;

  // Called from a thread of the journal's whenever records have become durable, before their
  // Done; it must not block. There is one listener; an empty function takes it away, and no call is
  // under way when that returns.
  virtual void OnDurable(std::function<void()> listener) = 0;

  // A consumer has durably passed everything up to `sequence`. Segments are kept for those that
  // have said so once; without any consumer nothing is removed.
  virtual Status Release(const std::string& consumer, uint64_t sequence) = 0;

  virtual JournalStats Stats() const = 0;
};

}  // namespace octolake::journal
