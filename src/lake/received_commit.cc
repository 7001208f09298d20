#include "lake/received_commit.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "iceberg/assert_property.h"
#include "iceberg/expire_snapshots.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "lake/late_writer.h"

namespace octolake::lake {
namespace {

// Parsed and given to the writer at once; goes through the processor's cache.
constexpr int64_t kSliceBytes = int64_t{1} << 20;

constexpr size_t kEvents = 0;
constexpr size_t kRejected = 1;

template <typename Map>
bool Holds(const Map& map, const iceberg::Properties& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
    const auto found = map.find(entry.first);
    return found != map.end() && found->second == entry.second;
  });
}

}  // namespace

ReceivedCommit::ReceivedCommit(Warehouse& warehouse, const std::string& origin)
    : warehouse_(warehouse),
      bronze_name_(BronzeEvents(warehouse.namespaces())),
      rejected_name_(RejectedEvents(warehouse.namespaces())),
      rows_(origin) {}

Result<std::unique_ptr<ReceivedCommit>> ReceivedCommit::Begin(
    Warehouse& warehouse, const datafile::WriterOptions& options, const std::string& origin,
    WorkIn work) {
  std::unique_ptr<ReceivedCommit> commit(new ReceivedCommit(warehouse, origin));
  OCTO_TRY(commit->OpenWriters(options, work));
  return commit;
}

Status ReceivedCommit::OpenWriters(const datafile::WriterOptions& options, WorkIn work) {
  OCTO_ASSIGN(const iceberg::Table bronze,
              iceberg::LoadTableAgain(warehouse_.catalog(), bronze_name_));
  bronze_uuid_ = bronze.metadata->table_uuid;
  OCTO_ASSIGN(auto events, datafile::MakeTableWriter(warehouse_.file_system(), warehouse_.random(),
                                                     *bronze.metadata, options));
  std::vector<std::unique_ptr<datafile::TableWriter>> writers;
  writers.push_back(std::move(events));
  writers.push_back(MakeLateWriter(warehouse_, rejected_name_, options, &rejected_uuid_));
  writer_ = std::make_unique<BackgroundWriter>(warehouse_.file_system(), std::move(writers), work);
  return {};
}

Status ReceivedCommit::Add(const event::ReceivedDocument& document) {
  OCTO_TRY(rows_.Add(document));
  return rows_.bytes() >= kSliceBytes ? WriteDocuments() : Status();
}

Status ReceivedCommit::WriteDocuments() {
  if (rows_.bytes() == 0) return {};
  OCTO_ASSIGN(auto batch, rows_.Finish());
  return Write(std::move(batch));
}

Status ReceivedCommit::AddRows(event::EventBatch batch) {
  OCTO_TRY(WriteDocuments());
  return Write(std::move(batch));
}

Status ReceivedCommit::Write(event::EventBatch batch) {
  events_ += batch.events->num_rows();
  rejected_ += batch.rejected->num_rows();
  if (batch.events->num_rows() > 0) OCTO_TRY(writer_->Write(kEvents, std::move(batch.events)));
  if (batch.rejected->num_rows() > 0) {
    OCTO_TRY(writer_->Write(kRejected, std::move(batch.rejected)));
  }
  return {};
}

Result<ReceivedReport> ReceivedCommit::Commit(const ReceivedPosition& position,
                                              const iceberg::RetentionPolicy& retention) {
  OCTO_TRY(WriteDocuments());
  OCTO_ASSIGN(auto files, writer_->Finish());
  auto report = CommitFiles(files[kEvents], files[kRejected], position, retention);
  if (report) return report;
  if (report.error().kind != ErrorKind::kCommitStateUnknown) {
    datafile::RemoveFiles(warehouse_.file_system(), files[kEvents]);
    datafile::RemoveFiles(warehouse_.file_system(), files[kRejected]);
  }
  return WithContext(std::move(report).error(), "commit to " + bronze_name_.ToString());
}

Result<ReceivedReport> ReceivedCommit::CommitFiles(const DataFiles& events,
                                                   const DataFiles& rejected,
                                                   const ReceivedPosition& position,
                                                   const iceberg::RetentionPolicy& retention) {
  iceberg::Transaction transaction(warehouse_.catalog(), warehouse_.update_context());
  transaction.Add(bronze_name_, iceberg::AssertTableUuid(bronze_uuid_));
  for (const auto& [tag, expected] : position.tags) {
    transaction.Add(bronze_name_, iceberg::AssertTag(tag, expected));
  }
  for (const auto& [property, expected] : position.expected_properties) {
    transaction.Add(bronze_name_, iceberg::AssertProperty(property, expected));
  }
  transaction.Add(bronze_name_, iceberg::AppendFiles(events, position.summary));
  for (const auto& [tag, expected] : position.tags) {
    transaction.Add(bronze_name_, iceberg::SetTag(tag, std::nullopt));
  }
  if (!position.table_properties.empty()) {
    transaction.Add(bronze_name_, iceberg::SetProperties(position.table_properties));
  }
  transaction.Add(bronze_name_, iceberg::ExpireSnapshots(retention));
  if (!rejected.empty()) {
    transaction.Add(rejected_name_, iceberg::AssertTableUuid(rejected_uuid_));
    transaction.Add(rejected_name_, iceberg::AppendFiles(rejected, {}));
    transaction.Add(rejected_name_, iceberg::ExpireSnapshots(retention));
  }
  OCTO_ASSIGN(const auto tables, transaction.Commit());
  ReceivedReport report;
  for (const Error& error : transaction.left_behind()) report.warnings.push_back(error.message);
  // Others may have committed since, also to this position.
  const iceberg::TableMetadata& bronze = *tables.front().metadata;
  const iceberg::Snapshot* first = bronze.FindRef(position.tags.front().tag);
  const bool is_ours =
      first != nullptr && Holds(first->summary, position.summary) &&
      Holds(bronze.properties, position.table_properties) &&
      std::all_of(position.tags.begin(), position.tags.end(),
                  [&](const TagMove& move) { return bronze.FindRef(move.tag) == first; });
  if (is_ours) report.snapshot_id = first->snapshot_id;
  return report;
}

}  // namespace octolake::lake
