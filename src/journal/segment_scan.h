// Reads a segment from its beginning and says where it ends; docs/formats/journal.md, "What a
// reader concludes". For this room only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "journal/record.h"
#include "journal/segment_format.h"
#include "journal/segment_store.h"

namespace octolake::journal {

struct Group {
  GroupHead head;
  std::string body;
  int64_t end = 0;  // of the group, in the segment
};

// The group at `offset`, all of its records checked. kCorruption, naming segment and offset, if it
// is not whole before `limit`.
Result<Group> ReadGroup(SegmentFile& file, const SegmentId& id, int64_t offset, int64_t limit);

struct FoundHead {
  int64_t offset = 0;
  GroupHead head;
};
// The first whole group head in [begin, end) whose records are none before `least_sequence`.
Result<std::optional<FoundHead>> FindGroupHead(SegmentFile& file, const SegmentId& id,
                                               int64_t begin, int64_t end, uint64_t least_sequence);

struct GroupOrLater {
  Result<Group> group;             // kCorruption: it is not whole
  std::optional<FoundHead> later;  // where it is not: the first head behind it
};
// What is at `offset` of a segment that another process may be writing.
Result<GroupOrLater> ReadGroupOrFindLater(SegmentFile& file, const SegmentId& id, int64_t offset,
                                          int64_t limit, uint64_t least_sequence);

// The one that counts; the header's end if there is none.
Result<SyncedMark> ReadMark(SegmentFile& file, const SegmentHeader& header);

// Of [begin, end), behind the last whole group: how much is of a write that was never acknowledged.
// In a reused file only a whole head tells of one.
Result<int64_t> CountTornBytes(SegmentFile& file, const SegmentHeader& header, int64_t begin,
                               int64_t end);

struct SegmentScan {
  SegmentHeader header;
  int64_t end = kSegmentHeaderBytes;
  uint64_t next_sequence = 0;
  int64_t torn_bytes = 0;  // behind the end, of a write that was never acknowledged
  int64_t groups = 0;
};

// `known_end`: what the next segment's header says; nullopt for the last segment. kCorruption where
// synced bytes are not what was written, kUnsupported for a newer format; both name the segment.
Result<SegmentScan> ScanSegment(SegmentFile& file, const std::string& name,
                                std::optional<int64_t> known_end);

Result<SegmentHeader> ReadSegmentHeader(SegmentFile& file, const std::string& name);

}  // namespace octolake::journal
