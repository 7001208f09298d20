#include "journal/journal.h"

#include <algorithm>
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
#include "journal/segment_writer.h"

namespace octolake::journal {
namespace {

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
        writer_(store, segments_, clock, options.segment_bytes, options.max_bytes) {
    stats_.torn_bytes = torn_bytes;
  }
  ~SegmentedJournal() override { Stop(); }

  Status Begin(bool is_new) {
    if (is_new) OCTO_TRY(writer_.Begin());
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
  std::vector<Waiting> TakeGroup();
  void WriteGroup(std::vector<Waiting> group);

  SegmentStore& store_;
  const JournalOptions options_;
  const Clock& clock_;
  journal::Segments segments_;
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
  if (static_cast<int64_t>(waiting_.size()) >= options_.max_waiting_records ||
      waiting_bytes_ + bytes > options_.max_waiting_bytes) {
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
  changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
  const int64_t most =
      std::min(options_.max_group_bytes, SegmentWriter::MostBytes(options_.segment_bytes));
  std::vector<Waiting> group;
  int64_t bytes = 0;
  while (!waiting_.empty() && (group.empty() || bytes + waiting_.front().bytes <= most)) {
    bytes += waiting_.front().bytes;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  return group;
}

void SegmentedJournal::WriteGroup(std::vector<Waiting> group) {
  std::string records;
  auto limit = SegmentWriter::Limit::kUsual;
  for (const Waiting& one : group) {
    if (IsOwnRecord(one.record)) limit = SegmentWriter::Limit::kOwn;
    AppendRecord(one.record, records);
  }
  const Status written = writer_.WriteGroup(records, static_cast<uint32_t>(group.size()), limit);
  {
    const std::lock_guard lock(mutex_);
    ++(written ? stats_.groups : stats_.failed_groups);
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
    if (group.empty()) return;
    WriteGroup(std::move(group));
  }
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
  const auto removable = segments_.Removable(clock_.Now() - options_.retention_micros);
  for (const SegmentInfo& segment : removable) {
    OCTO_TRY(store_.Remove(SegmentName(segment.number)));
    segments_.RemoveFirst();
  }
  return {};
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

// What was read of the last segment may be in the page cache only, if a process was killed between
// its write and its sync. It counts from now on, so it must be on disk.
Status SyncLast(SegmentStore& store, const std::vector<SegmentInfo>& segments) {
  if (segments.empty()) return {};
  OCTO_ASSIGN(auto file, store.Open(SegmentName(segments.back().number)));
  return file->Sync();
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::Open(SegmentStore& store, const JournalOptions& options,
                                               const Clock& clock, RandomSource& random) {
  OCTO_ASSIGN(RecoveredJournal recovered, RecoverJournal(store));
  OCTO_TRY(SyncLast(store, recovered.segments));
  if (recovered.unfinished) OCTO_TRY(store.Remove(*recovered.unfinished));
  const bool is_new = recovered.segments.empty();
  const Uuid uuid = recovered.uuid ? *recovered.uuid : Uuid::RandomV4(random);
  auto journal = std::make_unique<SegmentedJournal>(
      store, options, clock, uuid, std::move(recovered.segments), recovered.torn_bytes);
  OCTO_TRY(journal->Begin(is_new));
  return journal;
}

}  // namespace octolake::journal
