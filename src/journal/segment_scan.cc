#include "journal/segment_scan.h"

#include <algorithm>
#include <utility>

namespace octolake::journal {
namespace {

constexpr int64_t kSearchBytes = 1 << 20;
constexpr std::string_view kGroupMagic = "GRP1";

std::string Place(const SegmentId& id, int64_t offset) {
  return SegmentName(id.number) + " at byte " + std::to_string(offset);
}

tl::unexpected<Error> NotWhole(const SegmentId& id, int64_t offset, const std::string& what) {
  return MakeError(ErrorKind::kCorruption, "segment " + Place(id, offset) + ": " + what);
}

Status CheckRecords(const SegmentId& id, int64_t offset, const Group& group) {
  std::string_view rest = group.body;
  const uint32_t crc_before = RecordCrcOf(id);
  for (uint32_t i = 0; i < group.head.record_count; ++i) {
    auto record = TakeRecord(rest, crc_before);
    if (record) continue;
    Error error = std::move(record).error();
    const uint64_t sequence = group.head.first_sequence + i;
    error.message = "segment " + Place(id, offset) + ": record " + std::to_string(sequence) +
                    " is damaged: " + error.message;
    return tl::unexpected<Error>(std::move(error));
  }
  if (!rest.empty()) return NotWhole(id, offset, "more bytes than the records of the group have");
  return {};
}

// Bytes in [begin, end) up to the last that is not zero.
Result<int64_t> CountNonZero(SegmentFile& file, int64_t begin, int64_t end) {
  int64_t count = 0;
  for (int64_t at = begin; at < end; at += kSearchBytes) {
    OCTO_ASSIGN(const std::string piece, file.ReadAt(at, std::min(kSearchBytes, end - at)));
    const size_t last = piece.find_last_not_of('\0');
    if (last != std::string::npos) count = at + static_cast<int64_t>(last) + 1 - begin;
  }
  return count;
}

class Scanner {
 public:
  Scanner(SegmentFile& file, SegmentScan& scan, int64_t size)
      : file_(file), scan_(scan), size_(size) {}

  // Groups up to `limit`, all of which must be whole.
  Status TakeSynced(int64_t limit) {
    while (scan_.end < limit) {
      OCTO_ASSIGN(const Group group, ReadGroup(file_, scan_.header.id, scan_.end, limit));
      OCTO_TRY(Take(group));
    }
    return {};
  }

  // Groups beyond what is known to be synced, until one is not whole.
  Status TakeRest() {
    while (true) {
      OCTO_ASSIGN(auto found, ReadGroupOrFindLater(file_, scan_.header.id, scan_.end, size_,
                                                   scan_.next_sequence));
      if (found.group) {
        OCTO_TRY(Take(*found.group));
        continue;
      }
      if (!found.later) {
        OCTO_ASSIGN(scan_.torn_bytes, CountTornBytes(file_, scan_.header, scan_.end, size_));
        return {};
      }
      Error error = std::move(found.group).error();
      error.message += "; it was synced, since another group follows at byte " +
                       std::to_string(found.later->offset);
      return tl::unexpected<Error>(std::move(error));
    }
  }

 private:
  Status Take(const Group& group) {
    if (group.head.first_sequence != scan_.next_sequence) {
      return NotWhole(scan_.header.id, scan_.end,
                      "a group begins with record " + std::to_string(group.head.first_sequence) +
                          ", expected " + std::to_string(scan_.next_sequence));
    }
    scan_.next_sequence += group.head.record_count;
    scan_.end = group.end;
    ++scan_.groups;
    return {};
  }

  SegmentFile& file_;
  SegmentScan& scan_;
  const int64_t size_;
};

}  // namespace

Result<SyncedMark> ReadMark(SegmentFile& file, const SegmentHeader& header) {
  SyncedMark best{kSegmentHeaderBytes, header.first_sequence};
  for (const int64_t offset : kMarkOffsets) {
    OCTO_ASSIGN(const std::string bytes, file.ReadAt(offset, kMarkBytes));
    const auto mark = DecodeMark(header.id, bytes);
    if (mark && mark->end > best.end) best = *mark;
  }
  return best;
}

Result<std::optional<FoundHead>> FindGroupHead(SegmentFile& file, const SegmentId& id,
                                               int64_t begin, int64_t end,
                                               uint64_t least_sequence) {
  for (; begin < end; begin += kSearchBytes) {
    // What a head needs may reach into the next piece.
    OCTO_ASSIGN(const std::string piece, file.ReadAt(begin, kSearchBytes + kGroupHeadBytes - 1));
    const std::string_view bytes = piece;
    for (size_t at = bytes.find(kGroupMagic); at != std::string_view::npos;
         at = bytes.find(kGroupMagic, at + 1)) {
      const int64_t offset = begin + static_cast<int64_t>(at);
      const auto head = DecodeGroupHead(id, offset, bytes.substr(at));
      const bool counts = head && offset < end && head->first_sequence >= least_sequence;
      if (counts) return std::optional(FoundHead{offset, *head});
    }
  }
  return std::optional<FoundHead>();
}

Result<int64_t> CountTornBytes(SegmentFile& file, const SegmentHeader& header, int64_t begin,
                               int64_t end) {
  if (!header.reused) return CountNonZero(file, begin, end);
  // What is behind a group that was begun may be of the file's earlier segment.
  OCTO_ASSIGN(const std::string head_bytes, file.ReadAt(begin, kGroupHeadBytes));
  const auto head = DecodeGroupHead(header.id, begin, head_bytes);
  if (!head) return 0;
  const int64_t body_bytes = std::clamp<int64_t>(head->body_bytes, 0, end - begin);
  return std::min(kGroupHeadBytes + body_bytes, end - begin);
}

Result<SegmentHeader> ReadSegmentHeader(SegmentFile& file, const std::string& name) {
  OCTO_ASSIGN(const std::string bytes, file.ReadAt(0, kSegmentHeaderBytes));
  auto header = DecodeSegmentHeader(bytes);
  if (!header) return WithContext(std::move(header).error(), "segment " + name);
  if (SegmentName(header->id.number) != name) {
    return MakeError(ErrorKind::kCorruption, "segment " + name + " is by its header " +
                                                 SegmentName(header->id.number) +
                                                 "; give it its name back");
  }
  return header;
}

Result<Group> ReadGroup(SegmentFile& file, const SegmentId& id, int64_t offset, int64_t limit) {
  if (limit - offset < kGroupHeadBytes) return NotWhole(id, offset, "no group is here");
  OCTO_ASSIGN(const std::string head_bytes, file.ReadAt(offset, kGroupHeadBytes));
  const auto head = DecodeGroupHead(id, offset, head_bytes);
  if (!head) return NotWhole(id, offset, "no whole head of a group is here");
  Group group;
  group.head = *head;
  const int64_t begin = offset + kGroupHeadBytes;
  if (head->body_bytes < 0 || head->body_bytes > limit - begin) {
    return NotWhole(id, offset,
                    "a group of " + std::to_string(head->body_bytes) + " bytes, of which " +
                        std::to_string(limit - begin) + " are there");
  }
  OCTO_ASSIGN(group.body, file.ReadAt(begin, head->body_bytes));
  if (static_cast<int64_t>(group.body.size()) != head->body_bytes) {
    return NotWhole(id, offset, "the file ends within a group");
  }
  group.end = begin + head->body_bytes;
  OCTO_TRY(CheckRecords(id, offset, group));
  return group;
}

Result<GroupOrLater> ReadGroupOrFindLater(SegmentFile& file, const SegmentId& id, int64_t offset,
                                          int64_t limit, uint64_t least_sequence) {
  const auto read = [&]() -> Result<GroupOrLater> {
    auto group = ReadGroup(file, id, offset, limit);
    if (!group && group.error().kind != ErrorKind::kCorruption) {
      return tl::unexpected<Error>(std::move(group).error());
    }
    return GroupOrLater{std::move(group), std::nullopt};
  };
  OCTO_ASSIGN(GroupOrLater found, read());
  if (found.group) return found;
  OCTO_ASSIGN(const auto later, FindGroupHead(file, id, offset + 1, limit, least_sequence));
  if (!later) return found;
  // Who wrote the later one had written this one first, maybe after it was read here.
  OCTO_ASSIGN(found, read());
  if (!found.group) found.later = later;
  return found;
}

Result<SegmentScan> ScanSegment(SegmentFile& file, const std::string& name,
                                std::optional<int64_t> known_end) {
  SegmentScan scan;
  OCTO_ASSIGN(scan.header, ReadSegmentHeader(file, name));
  scan.next_sequence = scan.header.first_sequence;
  OCTO_ASSIGN(const int64_t size, file.Size());
  OCTO_ASSIGN(const SyncedMark mark, ReadMark(file, scan.header));
  // A segment with a successor can end before its mark says: never after what was synced.
  const int64_t synced = known_end.value_or(mark.end);
  if (synced > size) {
    return NotWhole(scan.header.id, size,
                    "the file ends here, expected at least " + std::to_string(synced) +
                        " bytes that were synced");
  }
  Scanner scanner(file, scan, size);
  OCTO_TRY(scanner.TakeSynced(synced));
  if (!known_end) OCTO_TRY(scanner.TakeRest());
  return scan;
}

}  // namespace octolake::journal
