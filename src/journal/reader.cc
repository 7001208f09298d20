#include "journal/reader.h"

#include <utility>

#include "journal/segment_scan.h"

namespace octolake::journal {
namespace {

class SegmentReader final : public JournalReader {
 public:
  SegmentReader(SegmentStore& store, const Segments& segments, uint64_t sequence)
      : store_(store), segments_(segments), next_sequence_(sequence + 1) {}

  Result<std::vector<SequencedRecord>> Next(int64_t max_bytes) override {
    std::vector<SequencedRecord> records;
    int64_t bytes = 0;
    while (bytes < max_bytes) {
      if (waiting_.empty()) {
        OCTO_ASSIGN(const bool more, ReadNextGroup());
        if (!more) break;
      }
      std::string_view front = std::string_view(waiting_).substr(waiting_begin_);
      const size_t before = front.size();
      OCTO_ASSIGN(Record record, TakeRecord(front, RecordCrcOf(id_)));
      const size_t taken = before - front.size();
      waiting_begin_ += taken;
      if (front.empty()) waiting_.clear();
      const uint64_t sequence = waiting_sequence_++;
      if (sequence < next_sequence_) continue;  // passed before this reader began
      next_sequence_ = sequence + 1;
      bytes += static_cast<int64_t>(taken);
      records.push_back({sequence, std::move(record)});
    }
    return records;
  }

 private:
  // False if no further group is synced.
  Result<bool> ReadNextGroup() {
    while (true) {
      const auto segment = segments_.Holding(next_sequence_);
      if (!segment) {
        return MakeError(ErrorKind::kNotFound, "journal " + store_.directory() + ": record " +
                                                   std::to_string(next_sequence_) +
                                                   " was removed, since it was passed");
      }
      if (segment->number != id_.number) OCTO_TRY(OpenSegment(*segment));
      if (offset_ >= segment->end) return false;
      OCTO_ASSIGN(Group group, ReadGroup(*file_, id_, offset_, segment->end));
      offset_ = group.end;
      if (group.head.first_sequence + group.head.record_count <= next_sequence_) continue;
      waiting_ = std::move(group.body);
      waiting_begin_ = 0;
      waiting_sequence_ = group.head.first_sequence;
      return true;
    }
  }

  Status OpenSegment(const SegmentInfo& segment) {
    OCTO_ASSIGN(file_, store_.Open(SegmentName(segment.number)));
    id_ = segments_.IdOf(segment);
    offset_ = kSegmentHeaderBytes;
    return {};
  }

  SegmentStore& store_;
  const Segments& segments_;
  uint64_t next_sequence_;
  SegmentId id_;  // of the open segment; number 0: none
  std::unique_ptr<SegmentFile> file_;
  int64_t offset_ = 0;
  std::string waiting_;  // records of the group at hand
  size_t waiting_begin_ = 0;
  uint64_t waiting_sequence_ = 0;
};

}  // namespace

std::unique_ptr<JournalReader> MakeReader(SegmentStore& store, const Segments& segments,
                                          uint64_t sequence) {
  return std::make_unique<SegmentReader>(store, segments, sequence);
}

}  // namespace octolake::journal
