// The keys of events, (id, instant of creation), while Silver chooses which rows it writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace octolake::lake {

// The ids that occur on one day.
struct IdRange {
  std::string_view least;
  std::string_view greatest;
};

// Which keys are held: those whose hash falls into one of `parts` equal parts. Every key falls into
// exactly one.
struct KeyPart {
  int64_t part = 0;
  int64_t parts = 1;
};

// Exact: equal hashes are told apart by the keys themselves. About 110 bytes a key held. Not
// thread-safe.
class EventKeys {
 public:
  explicit EventKeys(KeyPart part = {}) : part_(part) {}

  // A row with this key, passed over if the key is of another part. Of several the one with the
  // least (ingestion_timestamp, trace_id) is chosen; of equal ones the first added.
  void Add(std::string_view id, TimestampMicros created_at, TimestampMicros ingestion_timestamp,
           std::string_view trace_id, int64_t row);

  // No row with this key is chosen: it is in Silver already. True if there was one to choose.
  bool Remove(std::string_view id, TimestampMicros created_at);

  // By days since 1970-01-01, of keys not removed. Valid until the next Add.
  std::map<int64_t, IdRange> IdsOfDays() const;

  // Keys not removed.
  int64_t size() const { return remaining_; }
  // Keys in memory, removed or not.
  int64_t held() const { return static_cast<int64_t>(entries_.size()); }
  // Sets the bits of the chosen rows; there must be one for every row added.
  void MarkChosen(std::vector<bool>& rows) const;

 private:
  struct Entry {
    uint64_t hash;
    TimestampMicros created_at;
    TimestampMicros ingestion_timestamp;
    const char* text;  // id, then trace_id
    uint32_t id_size;
    uint32_t trace_size;
    int64_t row;  // kRemoved once the key is found in Silver

    std::string_view id() const { return {text, id_size}; }
    std::string_view trace() const { return {text + id_size, trace_size}; }
  };
  static constexpr int64_t kRemoved = -1;

  bool IsOfPart(uint64_t hash) const;
  // The slot of the key, or the empty one where it belongs.
  size_t FindSlot(uint64_t hash, std::string_view id, TimestampMicros created_at) const;
  void Grow();
  const char* Keep(std::string_view id, std::string_view trace_id);

  const KeyPart part_;
  std::deque<Entry> entries_;
  std::vector<uint32_t> slots_;  // index of an entry + 1; 0 is empty
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t block_used_ = 0;
  size_t block_size_ = 0;
  int64_t remaining_ = 0;
};

}  // namespace octolake::lake
