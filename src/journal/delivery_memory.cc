#include "journal/delivery_memory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/civil_time.h"
#include "base/sha256.h"
#include "journal/little_endian.h"

namespace octolake::journal {
namespace {

constexpr size_t kKeyBytes = 16;
// Of a checkpoint's record: a day and a count, then keys.
constexpr size_t kChunkHeadBytes = 16;
constexpr size_t kChunkKeys = 60'000;  // under 1 MiB
// More than a chunk takes in the journal beside its keys.
constexpr int64_t kMostChunkOverhead = 512;
constexpr int64_t kReadBytes = int64_t{1} << 20;

using Key = std::array<uint8_t, kKeyBytes>;
struct KeyHash {
  size_t operator()(const Key& key) const {
    size_t hash = 0;  // its bytes are those of a hash
    std::memcpy(&hash, key.data(), sizeof(hash));
    return hash;
  }
};

Key KeyOf(std::string_view delivery_id) {
  Sha256 sha256;
  sha256.Update(delivery_id);
  const Sha256Digest digest = sha256.Finish();
  Key key;
  std::copy_n(digest.begin(), kKeyBytes, key.begin());
  return key;
}

class Memory final : public DeliveryMemory {
 public:
  Memory(Journal& journal, const Clock& clock, const DeliveryMemoryOptions& options)
      : journal_(journal), clock_(clock), options_(options), trace_ids_(clock, SystemRandom()) {}

  Status Rebuild();

  Start Begin(std::string_view delivery_id, Decided decided) override;
  void End(std::string_view delivery_id, TimestampMicros received_at, bool durable) override;
  bool Seen(std::string_view delivery_id) const override {
    const std::lock_guard lock(mutex_);
    return Holds(KeyOf(delivery_id));
  }
  Status Passed(uint64_t sequence) override;
  DeliveryMemoryStats Stats() const override;

 private:
  // Of these the caller holds the mutex.
  bool Holds(const Key& key) const;
  void Add(int64_t day, const Key& key);
  void Forget();
  void TakeCheckpoint(std::string_view body);
  std::vector<std::string> Chunks() const;
  int64_t CheckpointBytes() const;

  Result<uint64_t> Append(std::string body);
  std::optional<uint64_t> NothingToCarryOn(const std::vector<SegmentSummary>& segments,
                                           uint64_t sequence) const;
  Status Checkpoint();

  Journal& journal_;
  const Clock& clock_;
  const DeliveryMemoryOptions options_;
  UuidV7Generator trace_ids_;

  mutable std::mutex mutex_;
  std::map<int64_t, std::unordered_set<Key, KeyHash>> days_;  // by the day of receipt
  int64_t ids_ = 0;
  std::unordered_map<Key, std::vector<Decided>, KeyHash> under_way_;
  DeliveryMemoryStats stats_;

  std::mutex checkpoint_mutex_;  // one at a time
  uint64_t released_ = 0;
};

bool Memory::Holds(const Key& key) const {
  return std::any_of(days_.begin(), days_.end(),
                     [&key](const auto& day) { return day.second.contains(key); });
}

void Memory::Add(int64_t day, const Key& key) {
  if (days_[day].insert(key).second) ++ids_;
  Forget();
}

void Memory::Forget() {
  const int64_t oldest = DaysOfMicros(clock_.Now() - options_.keep_micros);
  while (!days_.empty()) {
    const auto first = days_.begin();
    const bool too_old = first->first < oldest;
    if (!too_old && (ids_ <= options_.max_ids || days_.size() == 1)) return;
    const auto count = static_cast<int64_t>(first->second.size());
    if (!too_old) stats_.forgotten_early += count;
    ids_ -= count;
    days_.erase(first);
  }
}

void Memory::TakeCheckpoint(std::string_view body) {
  while (body.size() >= kChunkHeadBytes) {
    const auto day = GetInteger<int64_t>(body, 0);
    const auto count = GetInteger<uint64_t>(body, 8);
    body.remove_prefix(kChunkHeadBytes);
    for (uint64_t i = 0; i < count && body.size() >= kKeyBytes; ++i) {
      Key key;
      std::memcpy(key.data(), body.data(), kKeyBytes);
      Add(day, key);
      body.remove_prefix(kKeyBytes);
    }
  }
}

Status Memory::Rebuild() {
  const uint64_t before = journal_.first_sequence() - 1;
  // From now on segments wait for this memory.
  OCTO_TRY(journal_.Release(kDeliveriesConsumer, before));
  const auto reader = journal_.ReadAfter(before);
  const std::lock_guard lock(mutex_);
  while (true) {
    OCTO_ASSIGN(const auto records, reader->Next(kReadBytes));
    if (records.empty()) return {};
    for (const auto& [sequence, record] : records) {
      if (record.source == kDeliveriesSource) {
        TakeCheckpoint(record.body);
      } else if (!record.delivery_id.empty()) {
        Add(DaysOfMicros(record.received_at), KeyOf(record.delivery_id));
      }
    }
  }
}

DeliveryMemory::Start Memory::Begin(std::string_view delivery_id, Decided decided) {
  const Key key = KeyOf(delivery_id);
  const std::lock_guard lock(mutex_);
  if (Holds(key)) return Start::kSeen;
  const auto [found, is_new] = under_way_.try_emplace(key);
  if (is_new) return Start::kNew;
  found->second.push_back(std::move(decided));
  return Start::kUnderWay;
}

void Memory::End(std::string_view delivery_id, TimestampMicros received_at, bool durable) {
  const Key key = KeyOf(delivery_id);
  std::vector<Decided> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (durable) Add(DaysOfMicros(received_at), key);
    const auto found = under_way_.find(key);
    if (found == under_way_.end()) return;
    waiting = std::move(found->second);
    under_way_.erase(found);
  }
  for (const Decided& decided : waiting) decided(durable);
}

std::vector<std::string> Memory::Chunks() const {
  std::vector<std::string> chunks;
  for (const auto& [day, keys] : days_) {
    size_t left = keys.size();
    size_t room = 0;
    for (const Key& key : keys) {
      if (room == 0) {
        room = std::min(left, kChunkKeys);
        left -= room;
        chunks.emplace_back();
        PutInteger<int64_t>(day, chunks.back());
        PutInteger<uint64_t>(room, chunks.back());
      }
      chunks.back().append(reinterpret_cast<const char*>(key.data()), kKeyBytes);
      --room;
    }
  }
  return chunks;
}

// At most, in the journal.
int64_t Memory::CheckpointBytes() const {
  const std::lock_guard lock(mutex_);
  const auto chunks = static_cast<int64_t>(days_.size()) + ids_ / static_cast<int64_t>(kChunkKeys);
  return ids_ * static_cast<int64_t>(kKeyBytes) + (chunks + 1) * kMostChunkOverhead;
}

Result<uint64_t> Memory::Append(std::string body) {
  Record record;
  record.trace_id = trace_ids_.Next();
  record.received_at = clock_.Now();
  record.source = kDeliveriesSource;
  record.body = std::move(body);
  return journal_.AppendAndWait(std::move(record));
}

// Whatever was durable before the first, empty record has had its End when that is durable, since
// the journal tells in order; so the ids that are taken after it are those of all records before
// it. Only when all of them are durable again may the segments go.
Status Memory::Checkpoint() {
  OCTO_ASSIGN(const uint64_t begin, Append(""));
  std::vector<std::string> chunks;
  {
    const std::lock_guard lock(mutex_);
    Forget();
    chunks = Chunks();
    ++stats_.checkpoints;
  }
  for (std::string& chunk : chunks) OCTO_TRY(Append(std::move(chunk)));
  released_ = begin - 1;
  return journal_.Release(kDeliveriesConsumer, released_);
}

// Without any webhook there is nothing to write before segments go, which a full disk would not
// take: the last record of those that may go.
std::optional<uint64_t> Memory::NothingToCarryOn(const std::vector<SegmentSummary>& segments,
                                                 uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  if (ids_ > 0 || !under_way_.empty()) return std::nullopt;
  uint64_t passed = released_;
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    const uint64_t last = segments[i].next_sequence - 1;
    if (last <= sequence) passed = std::max(passed, last);
  }
  return passed;
}

Status Memory::Passed(uint64_t sequence) {
  const std::lock_guard lock(checkpoint_mutex_);
  const auto segments = journal_.Segments();
  bool lets_go = false;
  int64_t bytes = 0;  // that it lets go
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    const uint64_t last = segments[i].next_sequence - 1;
    if (last <= released_ || last > sequence) continue;
    lets_go = true;
    bytes += segments[i].bytes;
  }
  if (!lets_go) return {};
  if (const auto passed = NothingToCarryOn(segments, sequence)) {
    released_ = *passed;
    return journal_.Release(kDeliveriesConsumer, released_);
  }
  // One that takes nearly as much as it gives back fills segments itself, which would soon lead to
  // the next. A full journal takes what little there is.
  if (bytes <= 2 * CheckpointBytes() && !journal_.Stats().full) return {};
  Status done = Checkpoint();
  if (!done) return WithContext(std::move(done).error(), "checkpoint of webhook delivery ids");
  return {};
}

DeliveryMemoryStats Memory::Stats() const {
  const std::lock_guard lock(mutex_);
  DeliveryMemoryStats stats = stats_;
  stats.ids = ids_;
  stats.under_way = static_cast<int64_t>(under_way_.size());
  return stats;
}

}  // namespace

Result<std::unique_ptr<DeliveryMemory>> DeliveryMemory::Open(Journal& journal, const Clock& clock,
                                                             const DeliveryMemoryOptions& options) {
  auto memory = std::make_unique<Memory>(journal, clock, options);
  OCTO_TRY(memory->Rebuild());
  return memory;
}

}  // namespace octolake::journal
