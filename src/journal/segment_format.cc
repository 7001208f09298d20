#include "journal/segment_format.h"

#include <cstdio>
#include <cstring>

#include "base/crc32c.h"
#include "base/string_util.h"
#include "journal/little_endian.h"

namespace octolake::journal {
namespace {

constexpr std::string_view kMagic = "OCTOJRNL";
constexpr std::string_view kGroupMagic = "GRP1";
constexpr std::string_view kSuffix = ".segment";
constexpr size_t kReusedOffset = 72;
constexpr size_t kHeaderEnd = 80;
constexpr size_t kHeaderEndVersion1 = 72;
constexpr size_t kCrcBegin = 16;

std::string_view BytesOf(const Uuid& uuid) {
  return {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()};
}

uint32_t CrcOf(const SegmentId& id) {
  std::string number;
  PutInteger<uint64_t>(id.number, number);
  return Crc32c(number, Crc32c(BytesOf(id.journal)));
}

size_t HeaderEnd(uint32_t version) { return version == 1 ? kHeaderEndVersion1 : kHeaderEnd; }

uint32_t GroupCrc(const SegmentId& id, int64_t offset, std::string_view head) {
  std::string place;
  PutInteger<int64_t>(offset, place);
  return Crc32c(head.substr(8, kGroupHeadBytes - 8), Crc32c(place, CrcOf(id)));
}

}  // namespace

uint32_t RecordCrcOf(const SegmentId& id) { return id.version == 1 ? 0 : CrcOf(id); }

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string fields;
  fields.append(BytesOf(header.id.journal));
  PutInteger<uint64_t>(header.id.number, fields);
  PutInteger<uint64_t>(header.first_sequence, fields);
  PutInteger<int64_t>(header.created_at, fields);
  PutInteger<uint64_t>(header.previous_number, fields);
  PutInteger<int64_t>(header.previous_end, fields);
  PutInteger<uint64_t>(header.reused ? 1 : 0, fields);
  std::string bytes(kMagic);
  PutInteger<uint32_t>(kSegmentVersion, bytes);
  PutInteger<uint32_t>(Crc32c(fields), bytes);
  bytes += fields;
  bytes.resize(kSegmentHeaderBytes, '\0');
  return bytes;
}

Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < kHeaderEnd || !bytes.starts_with(kMagic)) {
    return MakeError(ErrorKind::kCorruption, "does not begin as a segment of a journal does");
  }
  const auto version = GetInteger<uint32_t>(bytes, kMagic.size());
  if (version > kSegmentVersion) {
    return MakeError(ErrorKind::kUnsupported,
                     "has format version " + std::to_string(version) + ", expected " +
                         std::to_string(kSegmentVersion) + " at most" +
                         ": it was written by a newer version of octolake");
  }
  if (version == 0 || Crc32c(bytes.substr(kCrcBegin, HeaderEnd(version) - kCrcBegin)) !=
                          GetInteger<uint32_t>(bytes, 12)) {
    return MakeError(ErrorKind::kCorruption, "has a damaged header");
  }
  SegmentHeader header;
  std::memcpy(header.id.journal.bytes.data(), bytes.data() + 16, header.id.journal.bytes.size());
  header.id.number = GetInteger<uint64_t>(bytes, 32);
  header.id.version = version;
  header.first_sequence = GetInteger<uint64_t>(bytes, 40);
  header.created_at = GetInteger<int64_t>(bytes, 48);
  header.previous_number = GetInteger<uint64_t>(bytes, 56);
  header.previous_end = GetInteger<int64_t>(bytes, 64);
  header.reused = version != 1 && GetInteger<uint64_t>(bytes, kReusedOffset) != 0;
  return header;
}

std::string EncodeMark(const SegmentId& id, const SyncedMark& mark) {
  std::string bytes;
  PutInteger<int64_t>(mark.end, bytes);
  PutInteger<uint64_t>(mark.next_sequence, bytes);
  PutInteger<uint32_t>(Crc32c(bytes, CrcOf(id)), bytes);
  PutInteger<uint32_t>(0, bytes);
  return bytes;
}

std::optional<SyncedMark> DecodeMark(const SegmentId& id, std::string_view bytes) {
  if (bytes.size() < static_cast<size_t>(kMarkBytes)) return std::nullopt;
  if (Crc32c(bytes.substr(0, 16), CrcOf(id)) != GetInteger<uint32_t>(bytes, 16)) {
    return std::nullopt;
  }
  return SyncedMark{GetInteger<int64_t>(bytes, 0), GetInteger<uint64_t>(bytes, 8)};
}

std::string EncodeGroupHead(const SegmentId& id, int64_t offset, const GroupHead& head) {
  std::string bytes(kGroupMagic);
  PutInteger<uint32_t>(0, bytes);  // the CRC, once the rest is there
  PutInteger<uint64_t>(head.first_sequence, bytes);
  PutInteger<uint32_t>(head.record_count, bytes);
  PutInteger<int64_t>(head.body_bytes, bytes);
  PutInteger<uint32_t>(0, bytes);
  const uint32_t crc = GroupCrc(id, offset, bytes);
  std::memcpy(bytes.data() + 4, &crc, sizeof(crc));
  return bytes;
}

std::optional<GroupHead> DecodeGroupHead(const SegmentId& id, int64_t offset,
                                         std::string_view bytes) {
  if (bytes.size() < static_cast<size_t>(kGroupHeadBytes) || !bytes.starts_with(kGroupMagic)) {
    return std::nullopt;
  }
  if (GroupCrc(id, offset, bytes) != GetInteger<uint32_t>(bytes, 4)) return std::nullopt;
  return GroupHead{GetInteger<uint64_t>(bytes, 8), GetInteger<uint32_t>(bytes, 16),
                   GetInteger<int64_t>(bytes, 20)};
}

std::string SegmentName(uint64_t number) {
  char name[40];
  std::snprintf(name, sizeof(name), "%010llu", static_cast<unsigned long long>(number));
  return name + std::string(kSuffix);
}

std::optional<uint64_t> ParseSegmentName(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, name.size() - kSuffix.size());
  const std::optional<uint64_t> number = ParseNumber<uint64_t>(digits);
  return number.value_or(0) > 0 && SegmentName(*number) == name ? number : std::nullopt;
}

}  // namespace octolake::journal
