#include "journal/segment_writer.h"

#include <algorithm>
#include <utility>

namespace octolake::journal {
namespace {

// Beyond the limit, for the journal's own records: a checkpoint, and what others left that were cut
// off.
constexpr int64_t kOwnSegments = 4;

// A larger group gives its memory back.
constexpr size_t kKeptGroupBytes = 1 << 20;

constexpr int64_t kPageBytes = 4096;

}  // namespace

Status SegmentWriter::CheckSize(Limit limit) const {
  const int64_t beyond = limit == Limit::kOwn ? kOwnSegments * segment_bytes_ : 0;
  if (segments_.Bytes() + segment_bytes_ > max_bytes_ + beyond) {
    return MakeError(ErrorKind::kResourceExhausted,
                     "journal " + store_.directory() + " may have " + std::to_string(max_bytes_) +
                         " bytes, which another segment of " + std::to_string(segment_bytes_) +
                         " would exceed; nothing is accepted until its consumers get on, or "
                         "journal.max_size is raised");
  }
  return {};
}

Status SegmentWriter::CheckDisk(Limit limit) const {
  if (limit == Limit::kOwn || reserve_bytes_ == 0) return {};
  OCTO_ASSIGN(const int64_t free, store_.FreeBytes());
  if (free - segment_bytes_ >= reserve_bytes_) return {};
  return MakeError(ErrorKind::kResourceExhausted,
                   "the disk of journal " + store_.directory() + " has " + std::to_string(free) +
                       " bytes left, of which journal.reserve keeps " +
                       std::to_string(reserve_bytes_) +
                       " for the tables; nothing is accepted until there is room");
}

Status SegmentWriter::Begin(Limit limit) {
  OCTO_TRY(CheckSize(limit));
  const SegmentInfo before = segments_.Last();
  SegmentHeader header;
  header.id = {segments_.journal(), before.number + 1};
  header.first_sequence = before.next_sequence;
  header.created_at = clock_.Now();
  header.previous_number = before.number;
  header.previous_end = before.number == 0 ? 0 : before.end;

  OCTO_ASSIGN(file_, Make(header, limit));
  next_mark_ = 0;
  segments_.Add({header.id.number, header.id.version, header.first_sequence, header.first_sequence,
                 kSegmentHeaderBytes, segment_bytes_, header.created_at, /*is_sound=*/true});
  if (before.number != 0) CutToEnd(before);
  return {};
}

Result<std::unique_ptr<SegmentFile>> SegmentWriter::Make(const SegmentHeader& header, Limit limit) {
  SegmentHeader of_spare = header;
  of_spare.reused = true;
  while (auto spare = spares_.Take()) {
    if (WriteHeaderTo(*spare, of_spare)) return Name(std::move(*spare), header);
    spares_.Drop(*spare);
  }
  // A spare takes nothing from the disk.
  OCTO_TRY(CheckDisk(limit));
  OCTO_ASSIGN(SpareSegments::Spare fresh, Create(header.id.number));
  const Status written = WriteHeaderTo(fresh, header);
  if (!written) {
    spares_.Drop(fresh);
    return tl::unexpected<Error>(written.error());
  }
  return Name(std::move(fresh), header);
}

Status SegmentWriter::WriteHeaderTo(const SpareSegments::Spare& spare,
                                    const SegmentHeader& header) {
  OCTO_TRY(spare.file->WriteAt(0, EncodeSegmentHeader(header)));
  return spare.file->Sync();
}

// It gets the segment's name when it is one, so that there is never a segment without a header, or
// with another's.
Result<std::unique_ptr<SegmentFile>> SegmentWriter::Name(SpareSegments::Spare spare,
                                                         const SegmentHeader& header) {
  const std::string name = SegmentName(header.id.number);
  // From here on the segment before may be ended by a header on disk: it is not written any more.
  file_ = nullptr;
  const Status renamed = store_.Rename(spare.name, name);
  if (!renamed) {
    spares_.Drop(spare);
    return tl::unexpected<Error>(renamed.error());
  }
  OCTO_TRY(store_.SyncDirectory());
  spare.file->SetName(name);
  return std::move(spare.file);
}

Result<SpareSegments::Spare> SegmentWriter::Create(uint64_t number) {
  const std::string name = SpareName(number);
  auto file = store_.Create(name, segment_bytes_);
  if (!file && file.error().kind == ErrorKind::kAlreadyExists) {
    // Of an earlier try that failed.
    OCTO_TRY(store_.Remove(name));
    file = store_.Create(name, segment_bytes_);
  }
  if (!file) return tl::unexpected<Error>(std::move(file).error());
  return SpareSegments::Spare{name, *std::move(file)};
}

// Only gives space back: where it fails, the next start tries again.
void SegmentWriter::CutToEnd(const SegmentInfo& segment) {
  if (!IsWorthCutting(segment, segment_bytes_)) return;
  auto file = store_.Open(SegmentName(segment.number));
  if (file && (*file)->Truncate(segment.end)) {
    segments_.SetFileBytes(segment.number, segment.end);
  }
}

Status SegmentWriter::WriteGroup(const std::vector<const Record*>& records, Limit limit) {
  // What came beyond the limit is for the journal's own records, all of it.
  if (limit == Limit::kUsual && segments_.Bytes() > max_bytes_) OCTO_TRY(CheckSize(limit));
  const SegmentInfo last = segments_.Last();
  int64_t record_bytes = 0;
  for (const Record* record : records) record_bytes += EncodedSize(*record);
  if (file_ == nullptr || last.end + kGroupHeadBytes + record_bytes > segment_bytes_) {
    OCTO_TRY(Begin(limit));
  }
  SegmentInfo info = segments_.Last();
  const Status written = WriteAndSync(info, records, record_bytes);
  // Also where only the mark could not be written, the segment has ended.
  info.is_sound = written && file_ != nullptr;
  if (!written) file_ = nullptr;
  segments_.UpdateLast(info);
  return written;
}

Status SegmentWriter::WriteAndSync(SegmentInfo& info, const std::vector<const Record*>& records,
                                   int64_t record_bytes) {
  const SegmentId id = segments_.IdOf(info);
  const auto count = static_cast<uint32_t>(records.size());
  group_.reserve(static_cast<size_t>(kGroupHeadBytes + record_bytes + kPageBytes));
  group_.assign(EncodeGroupHead(id, info.end, {info.next_sequence, count, record_bytes}));
  const uint32_t crc_before = RecordCrcOf(id);
  for (const Record* record : records) AppendRecord(*record, crc_before, group_);
  // Zeros to the page's end: only whole pages are written without being read from the disk before.
  const int64_t end = info.end + kGroupHeadBytes + record_bytes;
  const int64_t page_end = (end + kPageBytes - 1) / kPageBytes * kPageBytes;
  group_.resize(static_cast<size_t>(std::min(page_end, segment_bytes_) - info.end));
  const Status written = file_->WriteAt(info.end, group_);
  if (group_.capacity() > kKeptGroupBytes) group_ = std::string();
  OCTO_TRY(written);
  OCTO_TRY(file_->Sync());
  info.end = end;
  info.next_sequence += count;
  return WriteMark(info);
}

// The group is durable already: it counts also if its mark cannot be written, but nothing may
// follow it then, since the mark's bytes are unknown.
Status SegmentWriter::WriteMark(const SegmentInfo& info) {
  const SegmentId id = segments_.IdOf(info);
  const std::string mark = EncodeMark(id, {info.end, info.next_sequence});
  if (!file_->WriteAt(kMarkOffsets[next_mark_], mark)) file_ = nullptr;
  next_mark_ = 1 - next_mark_;
  return {};
}

}  // namespace octolake::journal
