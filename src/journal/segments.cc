#include "journal/segments.h"

#include <algorithm>
#include <utility>

namespace octolake::journal {

Segments::Segments(const Uuid& journal, std::vector<SegmentInfo> segments)
    : journal_(journal), segments_(std::move(segments)) {}

std::vector<SegmentInfo> Segments::All() const {
  const std::lock_guard lock(mutex_);
  return segments_;
}

SegmentInfo Segments::Last() const {
  const std::lock_guard lock(mutex_);
  return segments_.empty() ? SegmentInfo() : segments_.back();
}

std::optional<SegmentInfo> Segments::Holding(uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  const auto behind = std::upper_bound(
      segments_.begin(), segments_.end(), sequence,
      [](uint64_t wanted, const SegmentInfo& segment) { return wanted < segment.first_sequence; });
  if (behind == segments_.begin()) return std::nullopt;
  return *(behind - 1);
}

int64_t Segments::Bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const SegmentInfo& segment : segments_) bytes += segment.file_bytes;
  return bytes;
}

int64_t Segments::BytesAfter(uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  double bytes = 0;
  for (const SegmentInfo& segment : segments_) {
    const uint64_t first = std::max(segment.first_sequence, sequence + 1);
    if (segment.next_sequence <= first) continue;
    const auto behind = static_cast<double>(segment.next_sequence - first);
    const auto all = static_cast<double>(segment.next_sequence - segment.first_sequence);
    bytes += static_cast<double>(segment.end - kSegmentHeaderBytes) * behind / all;
  }
  return static_cast<int64_t>(bytes);
}

void Segments::Add(const SegmentInfo& segment) {
  const std::lock_guard lock(mutex_);
  segments_.push_back(segment);
}

void Segments::UpdateLast(const SegmentInfo& segment) {
  const std::lock_guard lock(mutex_);
  segments_.back() = segment;
}

void Segments::SetFileBytes(uint64_t number, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  for (SegmentInfo& segment : segments_) {
    if (segment.number == number) segment.file_bytes = bytes;
  }
}

void Segments::SetConsumed(const std::string& consumer, uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  uint64_t& consumed = consumed_[consumer];
  consumed = std::max(consumed, sequence);
}

std::vector<SegmentInfo> Segments::Removable(TimestampMicros now, int64_t retention_micros) const {
  const std::lock_guard lock(mutex_);
  std::vector<SegmentInfo> removable;
  if (consumed_.empty()) return removable;
  uint64_t passed = consumed_.begin()->second;
  for (const auto& [consumer, sequence] : consumed_) passed = std::min(passed, sequence);
  for (size_t i = 0; i + 1 < segments_.size(); ++i) {
    if (segments_[i].next_sequence > passed + 1) break;
    // No record of the segment is younger than the next one. A time ahead of the clock, which was
    // set back since, tells nothing.
    const TimestampMicros created_at = segments_[i + 1].created_at;
    if (created_at <= now && created_at > now - retention_micros) break;
    removable.push_back(segments_[i]);
  }
  return removable;
}

void Segments::RemoveFirst() {
  const std::lock_guard lock(mutex_);
  segments_.erase(segments_.begin());
}

}  // namespace octolake::journal
