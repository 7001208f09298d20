#include "journal/recovery.h"

#include <algorithm>
#include <utility>

#include "journal/segment_scan.h"

namespace octolake::journal {
namespace {

struct OpenedSegment {
  std::string name;
  std::unique_ptr<SegmentFile> file;
  SegmentHeader header;
};

tl::unexpected<Error> Missing(const OpenedSegment& next, uint64_t number_before) {
  return MakeError(ErrorKind::kCorruption, "segment " + next.name + " follows " +
                                               SegmentName(next.header.previous_number) +
                                               ", found " + SegmentName(number_before) +
                                               " before it; put the missing segments back");
}

class Recovery {
 public:
  explicit Recovery(SegmentStore& store) : store_(store) {}

  Result<RecoveredJournal> Run() {
    OCTO_TRY(OpenAll());
    for (size_t i = 0; i < opened_.size(); ++i) {
      OCTO_TRY(CheckOrder(i));
      OCTO_TRY(Scan(i));
    }
    if (!opened_.empty()) recovered_.uuid = opened_.front().header.id.journal;
    return std::move(recovered_);
  }

 private:
  Status OpenAll() {
    OCTO_ASSIGN(const std::vector<uint64_t> numbers, SegmentNumbers(store_));
    for (const uint64_t number : numbers) {
      OpenedSegment segment;
      segment.name = SegmentName(number);
      OCTO_ASSIGN(segment.file, store_.Open(segment.name));
      auto header = ReadSegmentHeader(*segment.file, segment.name);
      if (!header) {
        // Where it is in between, those behind it do not follow without it.
        if (header.error().kind == ErrorKind::kCorruption) {
          const bool at_an_end = number == numbers.front() || number == numbers.back();
          header.error().message += "; put the file back as it was";
          if (at_an_end) header.error().message += ", or move it away to go on without its records";
        }
        return tl::unexpected<Error>(std::move(header).error());
      }
      segment.header = *header;
      opened_.push_back(std::move(segment));
    }
    return {};
  }

  Status CheckOrder(size_t index) const {
    if (index == 0) return {};
    const OpenedSegment& before = opened_[index - 1];
    const OpenedSegment& segment = opened_[index];
    if (segment.header.id.journal != before.header.id.journal) {
      return MakeError(ErrorKind::kCorruption,
                       "segment " + segment.name + " is of journal " +
                           segment.header.id.journal.ToString() + ", but " + before.name +
                           " is of journal " + before.header.id.journal.ToString() +
                           "; put each journal into a directory of its own");
    }
    if (segment.header.previous_number != before.header.id.number) {
      return Missing(segment, before.header.id.number);
    }
    const uint64_t expected = recovered_.segments.back().next_sequence;
    if (segment.header.first_sequence != expected) {
      return MakeError(ErrorKind::kCorruption, "segment " + segment.name + " begins with record " +
                                                   std::to_string(segment.header.first_sequence) +
                                                   ", expected " + std::to_string(expected));
    }
    return {};
  }

  Status Scan(size_t index) {
    OpenedSegment& segment = opened_[index];
    const std::optional<int64_t> known_end =
        index + 1 < opened_.size() ? std::optional(opened_[index + 1].header.previous_end)
                                   : std::nullopt;
    OCTO_ASSIGN(const SegmentScan scan, ScanSegment(*segment.file, segment.name, known_end));
    SegmentInfo info;
    info.number = scan.header.id.number;
    info.version = scan.header.id.version;
    info.first_sequence = scan.header.first_sequence;
    info.next_sequence = scan.next_sequence;
    info.end = scan.end;
    OCTO_ASSIGN(info.file_bytes, segment.file->Size());
    info.created_at = scan.header.created_at;
    recovered_.segments.push_back(info);
    recovered_.torn_bytes = scan.torn_bytes;
    return {};
  }

  SegmentStore& store_;
  std::vector<OpenedSegment> opened_;
  RecoveredJournal recovered_;
};

}  // namespace

Result<std::vector<uint64_t>> SegmentNumbers(SegmentStore& store) {
  OCTO_ASSIGN(const std::vector<std::string> names, store.List());
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (const auto number = ParseSegmentName(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<RecoveredJournal> RecoverJournal(SegmentStore& store) {
  auto recovered = Recovery(store).Run();
  if (!recovered) {
    return WithContext(std::move(recovered).error(), "journal " + store.directory());
  }
  return recovered;
}

}  // namespace octolake::journal
