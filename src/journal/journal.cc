#include "journal/journal.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "base/thread.h"
#include "journal/reader.h"
#include "journal/recovery.h"
#include "journal/segment_format.h"
#include "journal/segment_scan.h"
#include "journal/segment_writer.h"
#include "journal/spare_segments.h"

namespace octolake::journal {
namespace {

constexpr int64_t kRewrittenBytes = int64_t{1} << 20;
// A full journal looks so often whether there is room again: whoever asks it before sending, as a
// load balancer does, sends nothing that would show it.
constexpr std::chrono::seconds kLookForRoom{1};

struct Waiting {
  Record record;
  Journal::Done done;
  int64_t bytes = 0;
};

class SegmentedJournal final : public Journal {
 public:
  SegmentedJournal(SegmentStore& store, const JournalOptions& options, const Clock& clock,
                   const Uuid& uuid, std::vector<SegmentInfo> segments, int64_t torn_bytes)
      : store_(store),
        options_(options),
        clock_(clock),
        segments_(uuid, std::move(segments)),
        spares_(store, options.segment_bytes),
        writer_(store, segments_, spares_, clock, options.segment_bytes, options.max_bytes,
                options.reserve_bytes) {
    stats_.torn_bytes = torn_bytes;
  }
  ~SegmentedJournal() override { Stop(); }

  Status Begin(bool is_new) {
    spares_.RemoveLeftovers();
    // Also on a disk that is nearly full: what comes then is refused, and said.
    if (is_new) OCTO_TRY(writer_.Begin(SegmentWriter::Limit::kOwn));
    OCTO_ASSIGN(thread_, StartThread("to write the journal", [this] { Work(); }));
    return {};
  }

  Status Append(Record record, Done done) override;
  Result<uint64_t> AppendAndWait(Record record) override;
  void Stop() override;

  const Uuid& uuid() const override { return segments_.journal(); }
  uint64_t first_sequence() const override { return segments_.All().front().first_sequence; }
  uint64_t durable_sequence() const override { return segments_.Last().next_sequence - 1; }
  Status CheckPosition(const JournalPosition& position) const override;
  std::unique_ptr<JournalReader> ReadAfter(uint64_t sequence) override {
    return MakeReader(store_, segments_, sequence);
  }
  std::vector<SegmentSummary> Segments() const override;
  int64_t BytesAfter(uint64_t sequence) const override { return segments_.BytesAfter(sequence); }
  void OnDurable(std::function<void()> listener) override {
    const std::lock_guard lock(listener_mutex_);
    listener_ = std::move(listener);
  }
  Status Release(const std::string& consumer, uint64_t sequence) override;
  JournalStats Stats() const override;

 private:
  void Work();
  // Empty: it has stopped, or is full and nothing came for a while.
  std::vector<Waiting> TakeGroup();
  void WriteGroup(std::vector<Waiting> group);
  void LookForRoom();
  bool HasStopped() const;
  // Where the tables have the room that is theirs.
  bool HasRoomForSpares();
  Status RemoveOrKeep(const SegmentInfo& segment);

  SegmentStore& store_;
  const JournalOptions options_;
  const Clock& clock_;
  journal::Segments segments_;
  SpareSegments spares_;
  SegmentWriter writer_;  // the thread's, once that runs

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;
  int64_t waiting_bytes_ = 0;
  bool stopping_ = false;
  JournalStats stats_;

  std::mutex release_mutex_;  // one removal at a time
  std::mutex listener_mutex_;
  std::function<void()> listener_;
  std::jthread thread_;
};

Status SegmentedJournal::Append(Record record, Done done) {
  const int64_t bytes = EncodedSize(record);
  const int64_t most = SegmentWriter::MostBytes(options_.segment_bytes);
  if (bytes > most) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "a record of " + std::to_string(bytes) + " bytes, but a segment of journal " +
                         store_.directory() + " takes " + std::to_string(most) + " at most");
  }
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    return MakeError(ErrorKind::kTransient, "the journal is being closed; send it again later");
  }
  // Of its own records there are few, and they make room.
  if (!IsOwnRecord(record) &&
      (static_cast<int64_t>(waiting_.size()) >= options_.max_waiting_records ||
       waiting_bytes_ + bytes > options_.max_waiting_bytes)) {
    return MakeError(ErrorKind::kResourceExhausted,
                     "the queue is full: " + std::to_string(waiting_.size()) + " records of " +
                         std::to_string(waiting_bytes_) +
                         " bytes wait for the disk; send it again later");
  }
  waiting_.push_back({std::move(record), std::move(done), bytes});
  waiting_bytes_ += bytes;
  changed_.notify_one();
  return {};
}

Result<uint64_t> SegmentedJournal::AppendAndWait(Record record) {
  std::promise<Result<uint64_t>> promise;
  auto future = promise.get_future();
  OCTO_TRY(Append(std::move(record),
                  [&promise](Result<uint64_t> result) { promise.set_value(std::move(result)); }));
  return future.get();
}

void SegmentedJournal::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::vector<Waiting> SegmentedJournal::TakeGroup() {
  std::unique_lock lock(mutex_);
  const auto is_awake = [this] { return stopping_ || !waiting_.empty(); };
  if (stats_.full) {
    changed_.wait_for(lock, kLookForRoom, is_awake);
  } else {
    changed_.wait(lock, is_awake);
  }
  const int64_t most =
      std::min(options_.max_group_bytes, SegmentWriter::MostBytes(options_.segment_bytes));
  std::vector<Waiting> group;
  int64_t bytes = 0;
  // Its own records, to which other limits apply, are groups of their own.
  const auto fits = [&](const Waiting& next) {
    return group.empty() || (bytes + next.bytes <= most &&
                             IsOwnRecord(next.record) == IsOwnRecord(group.front().record));
  };
  while (!waiting_.empty() && fits(waiting_.front())) {
    bytes += waiting_.front().bytes;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  return group;
}

void SegmentedJournal::WriteGroup(std::vector<Waiting> group) {
  std::vector<const Record*> records;
  records.reserve(group.size());
  for (const Waiting& one : group) records.push_back(&one.record);
  const auto limit =
      IsOwnRecord(group.front().record) ? SegmentWriter::Limit::kOwn : SegmentWriter::Limit::kUsual;
  const Status written = writer_.WriteGroup(records, limit);
  {
    const std::lock_guard lock(mutex_);
    ++(written ? stats_.groups : stats_.failed_groups);
    // Its own records have room of their own.
    if (limit == SegmentWriter::Limit::kUsual) {
      stats_.full = !written && written.error().kind == ErrorKind::kResourceExhausted;
    }
  }
  {
    const std::lock_guard lock(listener_mutex_);
    if (written && listener_) listener_();
  }
  uint64_t sequence = durable_sequence() - group.size() + 1;
  for (const Waiting& one : group) {
    one.done(written ? Result<uint64_t>(sequence++) : tl::unexpected<Error>(written.error()));
  }
}

std::vector<SegmentSummary> SegmentedJournal::Segments() const {
  std::vector<SegmentSummary> summaries;
  for (const SegmentInfo& segment : segments_.All()) {
    summaries.push_back({segment.number, segment.first_sequence, segment.next_sequence,
                         segment.end - kSegmentHeaderBytes, segment.created_at});
  }
  return summaries;
}

void SegmentedJournal::Work() {
  while (true) {
    std::vector<Waiting> group = TakeGroup();
    if (!group.empty()) {
      WriteGroup(std::move(group));
    } else if (HasStopped()) {
      return;
    } else {
      LookForRoom();
    }
  }
}

bool SegmentedJournal::HasStopped() const {
  const std::lock_guard lock(mutex_);
  return stopping_ && waiting_.empty();
}

// Sizes do not tell: there are quotas, and limits on open files. So the segment is begun that the
// next events need.
void SegmentedJournal::LookForRoom() {
  const bool begun = writer_.Begin().has_value();
  const std::lock_guard lock(mutex_);
  stats_.full = !begun;
}

Status SegmentedJournal::CheckPosition(const JournalPosition& position) const {
  if (position.journal != uuid()) return {};
  const std::string where = "journal " + store_.directory();
  if (position.sequence > durable_sequence()) {
    return MakeError(ErrorKind::kCorruption,
                     where + " ends with record " + std::to_string(durable_sequence()) +
                         ", but up to record " + std::to_string(position.sequence) +
                         " was consumed from it: an older copy was put here; put the right one "
                         "back, or move this directory away to begin a new journal");
  }
  if (position.sequence + 1 < first_sequence()) {
    return MakeError(ErrorKind::kCorruption,
                     where + " begins with record " + std::to_string(first_sequence()) +
                         ", but only up to record " + std::to_string(position.sequence) +
                         " was consumed: records " + std::to_string(position.sequence + 1) +
                         " to " + std::to_string(first_sequence() - 1) +
                         " are missing; put their segments back, or move this directory away to "
                         "go on without them");
  }
  return {};
}

Status SegmentedJournal::Release(const std::string& consumer, uint64_t sequence) {
  const std::lock_guard lock(release_mutex_);
  segments_.SetConsumed(consumer, sequence);
  if (!HasRoomForSpares()) spares_.Clear();
  const auto removable = segments_.Removable(clock_.Now(), options_.retention_micros);
  for (const SegmentInfo& segment : removable) {
    OCTO_TRY(RemoveOrKeep(segment));
    segments_.RemoveFirst();
  }
  return {};
}

bool SegmentedJournal::HasRoomForSpares() {
  const auto free = store_.FreeBytes();
  return free && *free >= options_.reserve_bytes + options_.segment_bytes;
}

Status SegmentedJournal::RemoveOrKeep(const SegmentInfo& segment) {
  if (HasRoomForSpares() && spares_.Keep(segment)) return {};
  return store_.Remove(SegmentName(segment.number));
}

JournalStats SegmentedJournal::Stats() const {
  JournalStats stats;
  {
    const std::lock_guard lock(mutex_);
    stats = stats_;
    stats.waiting_records = static_cast<int64_t>(waiting_.size());
    stats.waiting_bytes = waiting_bytes_;
  }
  stats.segments = static_cast<int64_t>(segments_.All().size());
  stats.bytes = segments_.Bytes();
  return stats;
}

// What was read of the last segment behind its mark may be in the page cache only: a process was
// killed between its write and its sync, or after a sync that failed, whose pages the system takes
// for clean. It counts from now on, so it is written again and synced.
Status SyncLast(SegmentStore& store, const std::vector<SegmentInfo>& segments) {
  if (segments.empty()) return {};
  const SegmentInfo& last = segments.back();
  const std::string name = SegmentName(last.number);
  OCTO_ASSIGN(auto file, store.Open(name));
  OCTO_ASSIGN(const SegmentHeader header, ReadSegmentHeader(*file, name));
  OCTO_ASSIGN(const SyncedMark mark, ReadMark(*file, header));
  for (int64_t at = mark.end; at < last.end; at += kRewrittenBytes) {
    OCTO_ASSIGN(const std::string piece,
                file->ReadAt(at, std::min(kRewrittenBytes, last.end - at)));
    OCTO_TRY(file->WriteAt(at, piece));
  }
  return file->Sync();
}

// Of segments that are written no more, as far as a process that was killed had not done it.
void CutToEnds(SegmentStore& store, int64_t segment_bytes, std::vector<SegmentInfo>& segments) {
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    SegmentInfo& segment = segments[i];
    if (!SegmentWriter::IsWorthCutting(segment, segment_bytes)) continue;
    auto file = store.Open(SegmentName(segment.number));
    // Only gives space back: where it fails, the next start tries again.
    if (file && (*file)->Truncate(segment.end)) segment.file_bytes = segment.end;
  }
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::Open(SegmentStore& store, const JournalOptions& options,
                                               const Clock& clock, RandomSource& random) {
  OCTO_ASSIGN(RecoveredJournal recovered, RecoverJournal(store));
  OCTO_TRY(SyncLast(store, recovered.segments));
  CutToEnds(store, options.segment_bytes, recovered.segments);
  const bool is_new = recovered.segments.empty();
  const Uuid uuid = recovered.uuid ? *recovered.uuid : Uuid::RandomV4(random);
  auto journal = std::make_unique<SegmentedJournal>(
      store, options, clock, uuid, std::move(recovered.segments), recovered.torn_bytes);
  OCTO_TRY(journal->Begin(is_new));
  return journal;
}

}  // namespace octolake::journal
