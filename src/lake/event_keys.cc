#include "lake/event_keys.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <tuple>

#include "base/civil_time.h"

namespace octolake::lake {
namespace {

constexpr size_t kBlockSize = size_t{1} << 20;
constexpr size_t kFirstSlots = 1024;

uint64_t HashKey(std::string_view id, TimestampMicros created_at) {
  // An odd constant (2^64 divided by the golden ratio) spreads times that differ by seconds.
  const uint64_t time = static_cast<uint64_t>(created_at) * 0x9E3779B97F4A7C15u;
  const uint64_t mixed = std::hash<std::string_view>()(id) ^ time;
  return mixed ^ (mixed >> 29);
}

}  // namespace

// The upper half decides, since the table's slots are taken from the lower one.
bool EventKeys::IsOfPart(uint64_t hash) const {
  return part_.parts <= 1 || static_cast<int64_t>(hash >> 32) % part_.parts == part_.part;
}

size_t EventKeys::FindSlot(uint64_t hash, std::string_view id, TimestampMicros created_at) const {
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot] == 0) return slot;
    const Entry& entry = entries_[slots_[slot] - 1];
    if (entry.hash == hash && entry.created_at == created_at && entry.id() == id) return slot;
  }
}

void EventKeys::Grow() {
  slots_.assign(std::max(kFirstSlots, slots_.size() * 2), 0);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < entries_.size(); ++i) {
    size_t slot = entries_[i].hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

const char* EventKeys::Keep(std::string_view id, std::string_view trace_id) {
  const size_t size = id.size() + trace_id.size();
  if (block_size_ - block_used_ < size) {
    block_size_ = std::max(kBlockSize, size);
    block_used_ = 0;
    blocks_.push_back(std::make_unique<char[]>(block_size_));
  }
  if (blocks_.empty()) blocks_.push_back(std::make_unique<char[]>(1));
  char* text = blocks_.back().get() + block_used_;
  std::copy(id.begin(), id.end(), text);
  std::copy(trace_id.begin(), trace_id.end(), text + id.size());
  block_used_ += size;
  return text;
}

void EventKeys::Add(std::string_view id, TimestampMicros created_at,
                    TimestampMicros ingestion_timestamp, std::string_view trace_id, int64_t row) {
  const uint64_t hash = HashKey(id, created_at);
  if (!IsOfPart(hash)) return;
  if ((entries_.size() + 1) * 2 > slots_.size()) Grow();
  const size_t slot = FindSlot(hash, id, created_at);
  if (slots_[slot] == 0) {
    entries_.push_back({hash, created_at, ingestion_timestamp, Keep(id, trace_id),
                        static_cast<uint32_t>(id.size()), static_cast<uint32_t>(trace_id.size()),
                        row});
    slots_[slot] = static_cast<uint32_t>(entries_.size());
    ++remaining_;
    return;
  }
  Entry& entry = entries_[slots_[slot] - 1];
  if (std::tuple(ingestion_timestamp, trace_id) >=
      std::tuple(entry.ingestion_timestamp, entry.trace())) {
    return;
  }
  entry.text = Keep(id, trace_id);
  entry.trace_size = static_cast<uint32_t>(trace_id.size());
  entry.ingestion_timestamp = ingestion_timestamp;
  entry.row = row;
}

bool EventKeys::Remove(std::string_view id, TimestampMicros created_at) {
  if (slots_.empty()) return false;
  const uint64_t hash = HashKey(id, created_at);
  if (!IsOfPart(hash)) return false;
  const size_t slot = FindSlot(hash, id, created_at);
  if (slots_[slot] == 0) return false;
  Entry& entry = entries_[slots_[slot] - 1];
  if (entry.row == kRemoved) return false;
  entry.row = kRemoved;
  --remaining_;
  return true;
}

std::map<int64_t, IdRange> EventKeys::IdsOfDays() const {
  std::map<int64_t, IdRange> days;
  for (const Entry& entry : entries_) {
    if (entry.row == kRemoved) continue;
    const std::string_view id = entry.id();
    const auto [found, added] = days.try_emplace(DaysOfMicros(entry.created_at), IdRange{id, id});
    if (added) continue;
    found->second.least = std::min(found->second.least, id);
    found->second.greatest = std::max(found->second.greatest, id);
  }
  return days;
}

void EventKeys::MarkChosen(std::vector<bool>& rows) const {
  for (const Entry& entry : entries_) {
    if (entry.row != kRemoved) rows[static_cast<size_t>(entry.row)] = true;
  }
}

}  // namespace octolake::lake
