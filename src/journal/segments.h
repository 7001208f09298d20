// The segments of a journal as far as they are synced, shared by its writer and its readers. For
// this room only.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "journal/segment_format.h"

namespace octolake::journal {

struct SegmentInfo {
  uint64_t number = 0;
  uint32_t version = kSegmentVersion;
  uint64_t first_sequence = 1;
  uint64_t next_sequence = 1;  // behind its last synced record
  int64_t end = 0;             // behind its last synced group, in bytes
  int64_t file_bytes = 0;
  TimestampMicros created_at = 0;
  bool is_sound = false;  // made by this process, and nothing has failed to be written since
};

// Thread-safe.
class Segments {
 public:
  Segments(const Uuid& journal, std::vector<SegmentInfo> segments);

  const Uuid& journal() const { return journal_; }
  std::vector<SegmentInfo> All() const;
  SegmentInfo Last() const;
  // The segment that holds the record, or will; nullopt if it was removed.
  std::optional<SegmentInfo> Holding(uint64_t sequence) const;
  SegmentId IdOf(const SegmentInfo& segment) const {
    return {journal_, segment.number, segment.version};
  }
  int64_t Bytes() const;
  // Of the groups behind the record; within a segment by its share of the records.
  int64_t BytesAfter(uint64_t sequence) const;

  void Add(const SegmentInfo& segment);
  void UpdateLast(const SegmentInfo& segment);
  void SetFileBytes(uint64_t number, int64_t bytes);

  void SetConsumed(const std::string& consumer, uint64_t sequence);
  // Of the oldest segments, those that every consumer has passed and whose records are all older
  // than the retention. Never the last one.
  std::vector<SegmentInfo> Removable(TimestampMicros now, int64_t retention_micros) const;
  void RemoveFirst();

 private:
  const Uuid journal_;
  mutable std::mutex mutex_;
  std::vector<SegmentInfo> segments_;  // never empty, but while the first is being made
  std::map<std::string, uint64_t> consumed_;
};

}  // namespace octolake::journal
