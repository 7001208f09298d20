#include "lake/journal_committer.h"

#include <utility>

#include "journal/record_queue.h"
#include "lake/definitions.h"
#include "lake/position.h"
#include "lake/received_commit.h"

namespace octolake::lake {
namespace {

constexpr const char kConsumer[] = "bronze";

// What a record counts beside its body: the smallest ones cost no less.
constexpr int64_t kRecordBytes = 256;

// How often a commit starts over because another committer of the same journal came first. Each
// time that one has got on, so that more is a sign of something else.
constexpr int kMaxLostRaces = 10;

class Committer final : public JournalCommitter {
 public:
  Committer(Warehouse& warehouse, journal::Journal& journal, JournalCommitOptions options)
      : warehouse_(warehouse),
        journal_(journal),
        options_(std::move(options)),
        bronze_name_(BronzeEvents(warehouse.namespaces())) {}

  Status Begin();
  Result<JournalCommitReport> CommitNext() override;
  uint64_t position() const override { return position_.sequence; }

 private:
  Result<JournalCommitReport> TryCommit();
  static Status Take(const journal::SequencedRecord& record, ReceivedCommit* commit,
                     JournalCommitReport* report);
  Status Commit(ReceivedCommit* commit, JournalCommitReport* report);

  Warehouse& warehouse_;
  journal::Journal& journal_;
  const JournalCommitOptions options_;
  const iceberg::TableIdentifier bronze_name_;
  JournalTag position_;
  std::optional<journal::RecordQueue> records_;  // nullopt: the position is to be read again
};

// Where Bronze is now, and whether the journal goes on from there.
Status Committer::Begin() {
  OCTO_ASSIGN(const iceberg::Table bronze,
              iceberg::LoadTableAgain(warehouse_.catalog(), bronze_name_));
  OCTO_ASSIGN(position_, ReadJournalTag(bronze, journal_.uuid()));
  Status checked = journal_.CheckPosition({journal_.uuid(), position_.sequence});
  if (!checked) return WithContext(std::move(checked).error(), bronze_name_.ToString());
  // What a commit before the last stop had no time for.
  OCTO_TRY(journal_.Release(kConsumer, position_.sequence));
  records_.emplace(journal_, position_.sequence);
  return {};
}

Result<JournalCommitReport> Committer::CommitNext() {
  for (int lost_races = 0;; ++lost_races) {
    if (!records_) OCTO_TRY(Begin());
    auto report = TryCommit();
    if (report) return report;
    records_.reset();
    if (report.error().kind != ErrorKind::kCommitConflict || lost_races == kMaxLostRaces) {
      return report;
    }
  }
}

Result<JournalCommitReport> Committer::TryCommit() {
  JournalCommitReport report;
  OCTO_ASSIGN(const auto* first, records_->Front());
  if (first == nullptr) return report;
  report.first_sequence = first->sequence;
  OCTO_ASSIGN(const auto commit, ReceivedCommit::Begin(warehouse_, options_.writer,
                                                       "journal " + journal_.uuid().ToString()));
  int64_t records = 0;
  while (report.bytes + records * kRecordBytes < options_.max_bytes) {
    OCTO_ASSIGN(const auto* record, records_->Front());
    if (record == nullptr) break;
    OCTO_TRY(Take(*record, commit.get(), &report));
    records_->Pop();
    ++records;
  }
  OCTO_TRY(Commit(commit.get(), &report));
  // The rows are in Bronze whatever comes now: an error would make it look as if they were not.
  const Status released = journal_.Release(kConsumer, position_.sequence);
  if (!released) report.warnings.push_back(released.error().message);
  if (!position_.tagged_snapshot) records_.reset();  // another committer of the journal got on
  if (!records_) return report;
  const auto next = records_->Front();
  if (!next) records_.reset();  // the next call meets it
  if (next && *next != nullptr) report.next_received_at = (*next)->record.received_at;
  return report;
}

Status Committer::Take(const journal::SequencedRecord& record, ReceivedCommit* commit,
                       JournalCommitReport* report) {
  const journal::Record& envelope = record.record;
  report->last_sequence = record.sequence;
  if (journal::IsOwnRecord(envelope)) return {};
  if (!report->oldest_received_at) report->oldest_received_at = envelope.received_at;
  report->bytes += static_cast<int64_t>(envelope.body.size());
  return commit->Add({envelope.source, envelope.trace_id, envelope.received_at,
                      envelope.delivery_id, envelope.headers, envelope.body,
                      static_cast<int64_t>(record.sequence)});
}

Status Committer::Commit(ReceivedCommit* commit, JournalCommitReport* report) {
  const ReceivedPosition position{
      {{JournalTagName(journal_.uuid()), position_.tagged_snapshot}},
      {{JournalProperty(journal_.uuid()), std::to_string(report->last_sequence)}},
      {}};
  OCTO_ASSIGN(ReceivedReport committed, commit->Commit(position, options_.retention));
  report->events = commit->events();
  report->rejected = commit->rejected();
  report->warnings = std::move(committed.warnings);
  report->snapshot_id = committed.snapshot_id;
  position_ = {committed.snapshot_id, report->last_sequence};
  return {};
}

}  // namespace

Result<std::unique_ptr<JournalCommitter>> JournalCommitter::Open(Warehouse& warehouse,
                                                                 journal::Journal& journal,
                                                                 JournalCommitOptions options) {
  auto committer = std::make_unique<Committer>(warehouse, journal, std::move(options));
  OCTO_TRY(committer->Begin());
  return committer;
}

}  // namespace octolake::lake
