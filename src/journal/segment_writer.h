// Writes groups to the last segment of a journal and begins the next one. For this room only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "journal/segment_format.h"
#include "journal/segment_store.h"
#include "journal/segments.h"

namespace octolake::journal {

// Used by one thread. A failed write or sync ends the segment where it was last synced; the next
// group goes into a new one.
class SegmentWriter {
 public:
  // All must outlive the writer.
  SegmentWriter(SegmentStore& store, Segments& segments, const Clock& clock, int64_t segment_bytes,
                int64_t max_bytes, int64_t reserve_bytes)
      : store_(store),
        segments_(segments),
        clock_(clock),
        segment_bytes_(segment_bytes),
        max_bytes_(max_bytes),
        reserve_bytes_(reserve_bytes) {}

  // kOwn: also a few segments beyond the limits, for records without which no segment may be
  // removed.
  enum class Limit { kUsual, kOwn };

  // Begins the segment behind the last one, and cuts that one to what it holds. kResourceExhausted
  // if the journal would be larger than it may, or the disk is full: the last one is written on.
  Status Begin(Limit limit = Limit::kUsual);
  // Writes and syncs records as one group; they are in `segments` then. kIo or kResourceExhausted:
  // none of them is.
  Status WriteGroup(const std::string& records, uint32_t count, Limit limit = Limit::kUsual);

  // Whether another segment could be begun. Thread-safe.
  bool HasRoom() const { return CheckRoom(Limit::kUsual).has_value(); }

  // Bytes of records that a group can have in an empty segment.
  static int64_t MostBytes(int64_t segment_bytes) {
    return segment_bytes - kSegmentHeaderBytes - kGroupHeadBytes;
  }

 private:
  Status CheckRoom(Limit limit) const;
  Result<std::unique_ptr<SegmentFile>> Create(const std::string& name);
  void CutToEnd(const SegmentInfo& segment);
  Status WriteAndSync(SegmentInfo& info, const std::string& records, uint32_t count);
  Status WriteMark(const SegmentInfo& info);

  SegmentStore& store_;
  Segments& segments_;
  const Clock& clock_;
  const int64_t segment_bytes_;
  const int64_t max_bytes_;
  const int64_t reserve_bytes_;
  std::unique_ptr<SegmentFile> file_;  // null: the next group needs a new segment
  size_t next_mark_ = 0;
};

}  // namespace octolake::journal
