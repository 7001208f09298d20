#include <algorithm>
#include <utility>

#include "journal/inspection.h"
#include "journal/recovery.h"
#include "journal/segment_scan.h"
#include "journal/steady_look.h"

namespace octolake::journal {
namespace {

struct VerifiedSegment {
  std::string name;
  std::unique_ptr<SegmentFile> file;
  int64_t size = 0;
  std::optional<SegmentHeader> header;  // nullopt: damaged
};

class Verifier {
 public:
  explicit Verifier(SegmentStore& store) : store_(store) {}

  Result<JournalVerification> Run() {
    OCTO_TRY(OpenAll());
    for (size_t i = 0; i < segments_.size(); ++i) {
      if (!segments_[i].header) continue;
      CheckOrder(segments_[i]);
      OCTO_TRY(Walk(segments_[i], Successor(i)));
    }
    report_.segments = static_cast<int64_t>(segments_.size());
    return std::move(report_);
  }

 private:
  Status OpenAll();
  // The header that says where segment `index` ends; nullptr for the last one, and where the next
  // one's header is damaged.
  const SegmentHeader* Successor(size_t index) const {
    const bool known =
        index + 1 < segments_.size() && segments_[index + 1].header &&
        segments_[index + 1].header->previous_number == segments_[index].header->id.number;
    return known ? &*segments_[index + 1].header : nullptr;
  }
  void CheckOrder(const VerifiedSegment& segment);
  Status Walk(const VerifiedSegment& segment, const SegmentHeader* successor);
  // Of a segment that holds nothing more at `offset`, where no whole group is.
  Status End(const VerifiedSegment& segment, int64_t offset, int64_t limit, int64_t synced,
             const Error& error, const SegmentHeader* successor);
  void AddDamage(const VerifiedSegment& segment, int64_t offset, uint64_t next_whole,
                 const std::string& what) {
    report_.damages.push_back({segment.name, offset, expected_, next_whole - 1, what});
  }

  SegmentStore& store_;
  std::vector<VerifiedSegment> segments_;
  JournalVerification report_;
  uint64_t expected_ = 0;  // the next record; 0: not known yet
};

Status Verifier::OpenAll() {
  OCTO_ASSIGN(const std::vector<uint64_t> numbers, SegmentNumbers(store_));
  for (const uint64_t number : numbers) {
    VerifiedSegment segment;
    segment.name = SegmentName(number);
    OCTO_ASSIGN(segment.file, store_.Open(segment.name));
    OCTO_ASSIGN(segment.size, segment.file->Size());
    auto header = ReadSegmentHeader(*segment.file, segment.name);
    if (header) {
      segment.header = *header;
      if (!report_.uuid) report_.uuid = header->id.journal;
    } else {
      report_.damages.push_back({segment.name, 0, 1, 0, header.error().message});
    }
    segments_.push_back(std::move(segment));
  }
  return {};
}

void Verifier::CheckOrder(const VerifiedSegment& segment) {
  const SegmentHeader& header = *segment.header;
  if (header.id.journal != *report_.uuid) {
    report_.damages.push_back({segment.name, 0, 1, 0,
                               "it is of journal " + header.id.journal.ToString() +
                                   ", those before are of " + report_.uuid->ToString()});
  } else if (expected_ != 0 && header.first_sequence != expected_) {
    AddDamage(segment, 0, header.first_sequence,
              "it begins with record " + std::to_string(header.first_sequence) + ", expected " +
                  std::to_string(expected_) + ": what was before it is missing");
  }
  expected_ = header.first_sequence;
}

Status Verifier::End(const VerifiedSegment& segment, int64_t offset, int64_t limit, int64_t synced,
                     const Error& error, const SegmentHeader* successor) {
  if (successor != nullptr || offset < synced) {
    const uint64_t next = successor == nullptr ? expected_ : successor->first_sequence;
    AddDamage(segment, offset, std::max(next, expected_), error.message);
    expected_ = next;
    return {};
  }
  OCTO_ASSIGN(report_.torn_bytes, CountTornBytes(*segment.file, *segment.header, offset, limit));
  return {};
}

Status Verifier::Walk(const VerifiedSegment& segment, const SegmentHeader* successor) {
  const SegmentHeader& header = *segment.header;
  OCTO_ASSIGN(const SyncedMark mark, ReadMark(*segment.file, header));
  const int64_t limit = successor == nullptr ? segment.size : successor->previous_end;
  int64_t offset = kSegmentHeaderBytes;
  while (offset < limit) {
    OCTO_ASSIGN(const GroupOrLater found,
                ReadGroupOrFindLater(*segment.file, header.id, offset, limit, expected_));
    const auto& [group, later] = found;
    if (later) {
      AddDamage(segment, offset, later->head.first_sequence, group.error().message);
      offset = later->offset;
      expected_ = later->head.first_sequence;
      continue;
    }
    if (!group) return End(segment, offset, limit, mark.end, group.error(), successor);
    if (group->head.first_sequence != expected_) {
      AddDamage(segment, offset, group->head.first_sequence, "a group is missing before this one");
    }
    expected_ = group->head.first_sequence + group->head.record_count;
    report_.records += group->head.record_count;
    report_.bytes += group->end - offset;
    offset = group->end;
  }
  const int64_t end = std::min(offset, segment.size);  // it may be cut in the header's block
  if (successor == nullptr && end < mark.end) {
    AddDamage(segment, end, std::max(mark.next_sequence, expected_),
              "the file ends here, expected at least " + std::to_string(mark.end) +
                  " bytes that were synced");
  }
  return {};
}

}  // namespace

Result<JournalVerification> VerifyJournal(SegmentStore& store) {
  auto report = LookSteadily(
      store, [&] { return Verifier(store).Run(); },
      [](const auto& found) { return found && found->damages.empty(); });
  if (!report) return WithContext(std::move(report).error(), "journal " + store.directory());
  return report;
}

}  // namespace octolake::journal
