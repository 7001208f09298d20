// Writes groups to the last segment of a journal and begins the next one. For this room only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "journal/record.h"
#include "journal/segment_format.h"
#include "journal/segment_store.h"
#include "journal/segments.h"
#include "journal/spare_segments.h"

namespace octolake::journal {

// Used by one thread. A failed write or sync ends the segment where it was last synced; the next
// group goes into a new one.
class SegmentWriter {
 public:
  // All must outlive the writer.
  SegmentWriter(SegmentStore& store, Segments& segments, SpareSegments& spares, const Clock& clock,
                int64_t segment_bytes, int64_t max_bytes, int64_t reserve_bytes)
      : store_(store),
        segments_(segments),
        spares_(spares),
        clock_(clock),
        segment_bytes_(segment_bytes),
        max_bytes_(max_bytes),
        reserve_bytes_(reserve_bytes) {}

  // kOwn: also a few segments beyond the limits, for records without which no segment may be
  // removed.
  enum class Limit { kUsual, kOwn };

  // Begins the segment behind the last one, in a spare file if there is one, and cuts that one to
  // what it holds (CutToEnd). kResourceExhausted if the journal would be larger than it may, or the
  // disk is full: the last one is written on.
  Status Begin(Limit limit = Limit::kUsual);
  // Writes and syncs records as one group; they are in `segments` then. kIo or kResourceExhausted:
  // none of them is.
  Status WriteGroup(const std::vector<const Record*>& records, Limit limit = Limit::kUsual);

  // Bytes of records that a group can have in an empty segment.
  static int64_t MostBytes(int64_t segment_bytes) {
    return segment_bytes - kSegmentHeaderBytes - kGroupHeadBytes;
  }

  // Whether a segment that is written no more is cut to its end: not for little, so that its file
  // can be a spare.
  static bool IsWorthCutting(const SegmentInfo& segment, int64_t segment_bytes) {
    return segment.file_bytes - segment.end > segment_bytes / 8;
  }

 private:
  Status CheckSize(Limit limit) const;
  // For a new file.
  Status CheckDisk(Limit limit) const;
  Result<std::unique_ptr<SegmentFile>> Make(const SegmentHeader& header, Limit limit);
  static Status WriteHeaderTo(const SpareSegments::Spare& spare, const SegmentHeader& header);
  Result<std::unique_ptr<SegmentFile>> Name(SpareSegments::Spare spare,
                                            const SegmentHeader& header);
  Result<SpareSegments::Spare> Create(uint64_t number);
  void CutToEnd(const SegmentInfo& segment);
  Status WriteAndSync(SegmentInfo& info, const std::vector<const Record*>& records,
                      int64_t record_bytes);
  Status WriteMark(const SegmentInfo& info);

  SegmentStore& store_;
  Segments& segments_;
  SpareSegments& spares_;
  const Clock& clock_;
  const int64_t segment_bytes_;
  const int64_t max_bytes_;
  const int64_t reserve_bytes_;
  std::unique_ptr<SegmentFile> file_;  // null: the next group needs a new segment
  size_t next_mark_ = 0;
  std::string group_;  // its memory is kept for the next one
};

}  // namespace octolake::journal
