// Heads and marks of a segment; docs/formats/journal.md has the layout. For this room only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"

namespace octolake::journal {

inline constexpr int64_t kSegmentHeaderBytes = 4096;
inline constexpr int64_t kGroupHeadBytes = 32;
inline constexpr int64_t kMarkBytes = 24;
inline constexpr int64_t kMarkOffsets[] = {2048, 3072};

inline constexpr uint32_t kSegmentVersion = 2;

// Which segment: part of every CRC in it.
struct SegmentId {
  Uuid journal;
  uint64_t number = 0;
  uint32_t version = kSegmentVersion;  // of its format; 1 is only read
};

// What a record's CRC goes on from. In version 1 it said nothing of the segment.
uint32_t RecordCrcOf(const SegmentId& id);

struct SegmentHeader {
  SegmentId id;
  uint64_t first_sequence = 1;
  TimestampMicros created_at = 0;
  uint64_t previous_number = 0;  // 0: none
  int64_t previous_end = 0;
  bool reused = false;  // behind its groups are bytes of an earlier segment
};

// kSegmentHeaderBytes, without marks; of version 2.
std::string EncodeSegmentHeader(const SegmentHeader& header);
// Of a segment's first bytes. kCorruption if it is none; kUnsupported for a newer version.
Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

// How far a segment is synced.
struct SyncedMark {
  int64_t end = kSegmentHeaderBytes;
  uint64_t next_sequence = 0;
};
std::string EncodeMark(const SegmentId& id, const SyncedMark& mark);
// nullopt if it is not whole.
std::optional<SyncedMark> DecodeMark(const SegmentId& id, std::string_view bytes);

struct GroupHead {
  uint64_t first_sequence = 0;
  uint32_t record_count = 0;
  int64_t body_bytes = 0;
};
std::string EncodeGroupHead(const SegmentId& id, int64_t offset, const GroupHead& head);
// Of the bytes at `offset` of the segment; nullopt if no whole head is there.
std::optional<GroupHead> DecodeGroupHead(const SegmentId& id, int64_t offset,
                                         std::string_view bytes);

// "0000000001.segment" and back; nullopt for another name.
std::string SegmentName(uint64_t number);
std::optional<uint64_t> ParseSegmentName(std::string_view name);

}  // namespace octolake::journal
