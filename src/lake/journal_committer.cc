#include "lake/journal_committer.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "event/received_rows.h"
#include "iceberg/expire_snapshots.h"
#include "iceberg/transaction.h"
#include "lake/background_writer.h"
#include "lake/definitions.h"
#include "lake/position.h"

namespace octolake::lake {
namespace {

constexpr const char kConsumer[] = "bronze";

// Read, parsed and given to the writer at once; goes through the processor's cache.
constexpr int64_t kSliceBytes = int64_t{1} << 20;

// How often a commit starts over because another committer of the same journal came first. Each
// time that one has got on, so that more is a sign of something else.
constexpr int kMaxLostRaces = 10;

constexpr size_t kEvents = 0;
constexpr size_t kRejected = 1;

using DataFiles = std::vector<iceberg::DataFile>;

// The next records of a journal, with a look at the one behind those that were taken.
class RecordQueue {
 public:
  RecordQueue(journal::Journal& journal, uint64_t sequence)
      : reader_(journal.ReadAfter(sequence)) {}

  // nullptr if no more are durable.
  Result<const journal::SequencedRecord*> Front() {
    if (next_ == records_.size()) {
      next_ = 0;
      records_.clear();
      OCTO_ASSIGN(records_, reader_->Next(kSliceBytes));
    }
    return records_.empty() ? nullptr : &records_[next_];
  }
  void Pop() { ++next_; }

 private:
  std::unique_ptr<journal::JournalReader> reader_;
  std::vector<journal::SequencedRecord> records_;
  size_t next_ = 0;
};

class Committer final : public JournalCommitter {
 public:
  Committer(Warehouse& warehouse, journal::Journal& journal, JournalCommitOptions options)
      : warehouse_(warehouse),
        journal_(journal),
        options_(std::move(options)),
        bronze_name_(BronzeEvents(warehouse.namespaces())),
        rejected_name_(RejectedEvents(warehouse.namespaces())) {}

  Status Begin();
  Result<JournalCommitReport> CommitNext() override;
  uint64_t position() const override { return position_.sequence; }

 private:
  struct Files {
    DataFiles events;
    DataFiles rejected;
  };

  Result<JournalCommitReport> TryCommit();
  Result<std::unique_ptr<BackgroundWriter>> MakeWriter();
  Result<Files> WriteRows(JournalCommitReport* report);
  Status Take(const journal::SequencedRecord& record, event::ReceivedRows* rows,
              JournalCommitReport* report);
  Status WriteBatch(event::ReceivedRows* rows, BackgroundWriter* writer,
                    JournalCommitReport* report);
  Status Commit(const Files& files, JournalCommitReport* report);

  Warehouse& warehouse_;
  journal::Journal& journal_;
  const JournalCommitOptions options_;
  const iceberg::TableIdentifier bronze_name_;
  const iceberg::TableIdentifier rejected_name_;
  JournalTag position_;
  std::optional<RecordQueue> records_;  // nullopt: the position is to be read again
  std::string bronze_uuid_;             // of the tables that files are being written for
  std::string rejected_uuid_;
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
  OCTO_ASSIGN(const Files files, WriteRows(&report));
  Status committed = Commit(files, &report);
  if (!committed) {
    if (committed.error().kind != ErrorKind::kCommitStateUnknown) {
      datafile::RemoveFiles(warehouse_.file_system(), files.events);
      datafile::RemoveFiles(warehouse_.file_system(), files.rejected);
    }
    return WithContext(std::move(committed).error(), "commit to " + bronze_name_.ToString());
  }
  // The rows are in Bronze whatever comes now: an error would make it look as if they were not.
  const Status released = journal_.Release(kConsumer, position_.sequence);
  if (!released) report.warnings.push_back(released.error().message);
  const auto next = records_->Front();
  if (!next) records_.reset();  // the next call meets it
  if (next && *next != nullptr) report.next_received_at = (*next)->record.received_at;
  return report;
}

Result<std::unique_ptr<BackgroundWriter>> Committer::MakeWriter() {
  std::vector<std::unique_ptr<datafile::TableWriter>> writers;
  const auto add = [&](const iceberg::TableIdentifier& name, std::string* uuid) -> Status {
    OCTO_ASSIGN(const iceberg::Table table, iceberg::LoadTableAgain(warehouse_.catalog(), name));
    *uuid = table.metadata->table_uuid;
    OCTO_ASSIGN(auto writer,
                datafile::MakeTableWriter(warehouse_.file_system(), warehouse_.random(),
                                          *table.metadata, options_.writer));
    writers.push_back(std::move(writer));
    return {};
  };
  OCTO_TRY(add(bronze_name_, &bronze_uuid_));
  OCTO_TRY(add(rejected_name_, &rejected_uuid_));
  return std::make_unique<BackgroundWriter>(warehouse_.file_system(), std::move(writers));
}

Status Committer::Take(const journal::SequencedRecord& record, event::ReceivedRows* rows,
                       JournalCommitReport* report) {
  const journal::Record& envelope = record.record;
  report->last_sequence = record.sequence;
  if (journal::IsOwnRecord(envelope)) return {};
  if (!report->oldest_received_at) report->oldest_received_at = envelope.received_at;
  report->bytes += static_cast<int64_t>(envelope.body.size());
  return rows->Add({envelope.source, envelope.trace_id, envelope.received_at, envelope.delivery_id,
                    envelope.headers, envelope.body, static_cast<int64_t>(record.sequence)});
}

Status Committer::WriteBatch(event::ReceivedRows* rows, BackgroundWriter* writer,
                             JournalCommitReport* report) {
  OCTO_ASSIGN(auto batch, rows->Finish());
  report->events += batch.events->num_rows();
  report->rejected += batch.rejected->num_rows();
  if (batch.events->num_rows() > 0) OCTO_TRY(writer->Write(kEvents, std::move(batch.events)));
  if (batch.rejected->num_rows() > 0) OCTO_TRY(writer->Write(kRejected, std::move(batch.rejected)));
  return {};
}

Result<Committer::Files> Committer::WriteRows(JournalCommitReport* report) {
  OCTO_ASSIGN(const auto writer, MakeWriter());
  event::ReceivedRows rows("journal " + journal_.uuid().ToString());
  while (report->bytes < options_.max_bytes) {
    OCTO_ASSIGN(const auto* record, records_->Front());
    if (record == nullptr) break;
    OCTO_TRY(Take(*record, &rows, report));
    records_->Pop();
    if (rows.bytes() >= kSliceBytes) OCTO_TRY(WriteBatch(&rows, writer.get(), report));
  }
  OCTO_TRY(WriteBatch(&rows, writer.get(), report));
  OCTO_ASSIGN(auto files, writer->Finish());
  return Files{std::move(files[kEvents]), std::move(files[kRejected])};
}

Status Committer::Commit(const Files& files, JournalCommitReport* report) {
  const std::string tag = JournalTagName(journal_.uuid());
  iceberg::Transaction transaction(warehouse_.catalog(), warehouse_.update_context());
  transaction.Add(bronze_name_, iceberg::AssertTableUuid(bronze_uuid_));
  transaction.Add(bronze_name_, iceberg::AssertTag(tag, position_.tagged_snapshot));
  transaction.Add(bronze_name_,
                  iceberg::AppendFiles(files.events, {{JournalProperty(journal_.uuid()),
                                                       std::to_string(report->last_sequence)}}));
  transaction.Add(bronze_name_, iceberg::SetTag(tag, std::nullopt));
  transaction.Add(bronze_name_, iceberg::ExpireSnapshots(options_.retention));
  if (!files.rejected.empty()) {
    transaction.Add(rejected_name_, iceberg::AssertTableUuid(rejected_uuid_));
    transaction.Add(rejected_name_, iceberg::AppendFiles(files.rejected, {}));
    transaction.Add(rejected_name_, iceberg::ExpireSnapshots(options_.retention));
  }
  OCTO_ASSIGN(const auto tables, transaction.Commit());
  for (const Error& error : transaction.left_behind()) report->warnings.push_back(error.message);
  // Others may have committed since: the tag says which snapshot is this one.
  position_.tagged_snapshot = std::nullopt;
  const iceberg::Snapshot* tagged = tables.front().metadata->FindRef(tag);
  if (tagged != nullptr) position_.tagged_snapshot = tagged->snapshot_id;
  position_.sequence = report->last_sequence;
  report->snapshot_id = position_.tagged_snapshot;
  return {};
}

}  // namespace

Result<std::unique_ptr<JournalCommitter>> JournalCommitter::Open(Warehouse& warehouse,
                                                                 journal::Journal& journal,
                                                                 JournalCommitOptions options) {
  OCTO_TRY(CreateTables(warehouse));
  auto committer = std::make_unique<Committer>(warehouse, journal, std::move(options));
  OCTO_TRY(committer->Begin());
  return committer;
}

}  // namespace octolake::lake
