#include "writers.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "datafile/file_reader.h"
#include "datafile/table_writer.h"
#include "event/received_rows.h"
#include "iceberg/expire_snapshots.h"
#include "iceberg/scan.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "lake/position.h"
#include "lake/received_commit.h"
#include "write.h"

namespace octolake::simulation {
namespace {

constexpr int64_t kMostRecords = 4;

std::string EventOf(int64_t row) {
  return R"({"id":")" + std::to_string(row) +
         R"(","type":"WatchEvent","actor":{"id":7,"login":"ada"},"repo":{"id":9,"name":"a/b"},)"
         R"("payload":{},"public":true,"created_at":"2026-01-01T00:00:00Z"})";
}

}  // namespace

Status CommitJournal(Lab& lab, Process& process) {
  lake::Warehouse& warehouse = process.warehouse();
  const auto journal = static_cast<int>(lab.world.choices.Below(std::ssize(lab.journals)));
  const Uuid uuid = lab.journals[static_cast<size_t>(journal)];
  OCTO_ASSIGN(const iceberg::Table bronze,
              iceberg::LoadTableAgain(warehouse.catalog(), lake::BronzeEvents({})));
  OCTO_ASSIGN(const lake::JournalTag tag, lake::ReadJournalTag(bronze, uuid));
  OCTO_ASSIGN(const auto commit,
              lake::ReceivedCommit::Begin(warehouse, {}, "simulated", WorkIn::kCallersThread));
  Intent intent;
  intent.table = lake::BronzeEvents({});
  intent.journal = journal;
  intent.first_record = static_cast<int64_t>(tag.sequence) + 1;
  intent.last_record = intent.first_record + lab.world.choices.Below(kMostRecords);
  intent.what = process.name() + ": records " + std::to_string(intent.first_record) + " to " +
                std::to_string(intent.last_record) + " of journal " + std::to_string(journal);
  const event::Headers headers;
  for (int64_t record = intent.first_record; record <= intent.last_record; ++record) {
    const int64_t row = RowOf(journal, record);
    intent.added[row] = 0;
    const std::string body = EventOf(row);
    OCTO_TRY(commit->Add({.source = "collect",
                          .trace_id = Uuid::RandomV4(lab.world.random),
                          .received_at = warehouse.clock().Now(),
                          .delivery_id = "",
                          .headers = headers,
                          .body = body,
                          .ordinal = record}));
  }
  lake::ReceivedPosition position{{{lake::JournalTagName(uuid), tag.tagged_snapshot}}, {}, {}};
  position.summary[lake::JournalProperty(uuid)] = std::to_string(intent.last_record);
  const iceberg::Properties mark = lab.ledger.Begin(std::move(intent));
  position.summary.insert(mark.begin(), mark.end());
  const auto committed = commit->Commit(position, lab.retention);
  const Status outcome = committed ? Status() : tl::unexpected<Error>(committed.error());
  lab.ledger.End(mark, outcome, process.dead());
  return outcome;
}

namespace {

Result<Rows> ReadRows(io::FileSystem& fs, const iceberg::Table& table,
                      const std::vector<iceberg::ScanTask>& tasks) {
  iceberg::Schema columns;
  columns.fields.push_back(*table.metadata->CurrentSchema().FindByName("id"));
  Rows rows;
  for (const iceberg::ScanTask& task : tasks) {
    OCTO_ASSIGN(auto reader, datafile::OpenScanTask(fs, task, columns));
    while (true) {
      OCTO_ASSIGN(const auto batch, reader->Next());
      if (batch == nullptr) break;
      for (const int64_t id : IdsOfColumn(*batch->column(0))) rows[id] = 0;
    }
  }
  return rows;
}

// What Bronze has at `to` and Copy has not. Where the start is gone, all is read and compared.
Result<Rows> RowsSince(Process& process, const iceberg::Table& bronze, const iceberg::Table& copy,
                       std::optional<int64_t> from, int64_t to) {
  io::FileSystem& fs = process.warehouse().file_system();
  const auto appended = iceberg::PlanAppendsBetween(fs, *bronze.metadata, from, to, {});
  if (appended) return ReadRows(fs, bronze, *appended);
  if (appended.error().kind != ErrorKind::kNotFound) {
    return tl::unexpected<Error>(appended.error());
  }
  ++process.world().counts["Bronze read anew"];
  OCTO_ASSIGN(const auto all, iceberg::PlanScan(fs, *bronze.metadata, to, {}));
  OCTO_ASSIGN(Rows rows, ReadRows(fs, bronze, all));
  OCTO_ASSIGN(const auto known, iceberg::PlanScan(fs, *copy.metadata, std::nullopt, {}));
  OCTO_ASSIGN(const Rows before, ReadRows(fs, copy, known));
  for (const auto& [id, day] : before) rows.erase(id);
  return rows;
}

}  // namespace

Status ConsumeBronze(Lab& lab, Process& process) {
  lake::Warehouse& warehouse = process.warehouse();
  const iceberg::TableIdentifier source = lake::BronzeEvents({});
  OCTO_ASSIGN(const iceberg::Table copy, iceberg::LoadTableAgain(warehouse.catalog(), Copy()));
  OCTO_ASSIGN(const lake::SourcePosition position, lake::ReadPosition(copy, source));
  OCTO_ASSIGN(const iceberg::Table bronze, iceberg::LoadTableAgain(warehouse.catalog(), source));
  const auto to = bronze.metadata->current_snapshot_id;
  if (!to || to == position.consumed_snapshot) return {};
  Intent intent;
  intent.what = process.name() + ": what Bronze has at " + std::to_string(*to);
  intent.table = Copy();
  intent.consumed = *to;
  OCTO_ASSIGN(intent.added, RowsSince(process, bronze, copy, position.consumed_snapshot, *to));
  std::vector<iceberg::DataFile> files;
  if (!intent.added.empty()) {
    OCTO_ASSIGN(files, WriteRows(process, copy, intent.added));
  }
  iceberg::Properties mark = lab.ledger.Begin(std::move(intent));
  iceberg::Properties summary = mark;
  summary[lake::PositionProperty(source)] = std::to_string(*to);
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(Copy(), iceberg::AssertTableUuid(copy.metadata->table_uuid));
  transaction.Add(Copy(), iceberg::AssertTag(lake::PositionTag(source), position.tagged_snapshot));
  transaction.Add(Copy(), iceberg::AppendFiles(files, summary));
  transaction.Add(Copy(), iceberg::SetTag(lake::PositionTag(source), std::nullopt));
  transaction.Add(Copy(), iceberg::ExpireSnapshots(lab.retention));
  OCTO_TRY(Write(lab, process).Commit(transaction, mark, files));
  return lake::TagConsumed(warehouse, source, Copy(), *to);
}

Status AppendRows(Lab& lab, Process& process, const iceberg::TableIdentifier& name) {
  lake::Warehouse& warehouse = process.warehouse();
  Write write(lab, process);
  OCTO_ASSIGN(const iceberg::Table table, warehouse.catalog().LoadTable(name));
  Intent intent;
  intent.what = process.name() + ": rows for " + name.ToString();
  intent.table = name;
  intent.added = NewRows(lab, 5);
  OCTO_ASSIGN(const auto files, WriteRows(process, table, intent.added));
  write.TakeLong();
  const iceberg::Properties mark = lab.ledger.Begin(std::move(intent));
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(name, iceberg::AssertTableUuid(table.metadata->table_uuid));
  transaction.Add(name, iceberg::AppendFiles(files, mark));
  if (!process.foreign()) transaction.Add(name, iceberg::ExpireSnapshots(lab.retention));
  return write.Commit(transaction, mark, files);
}

Status OverwriteDays(Lab& lab, Process& process) {
  lake::Warehouse& warehouse = process.warehouse();
  OCTO_ASSIGN(const iceberg::Table table, warehouse.catalog().LoadTable(Facts()));
  Intent intent;
  intent.what = process.name() + ": days replaced";
  intent.table = Facts();
  intent.added = NewRows(lab, 4);
  for (const auto& [id, day] : intent.added) intent.replaced_days.insert(day);
  if (lab.world.choices.Chance(0.2)) intent.replaced_days.insert(0);  // emptied
  std::vector<iceberg::PartitionValues> partitions;
  for (const int32_t day : intent.replaced_days) partitions.push_back({iceberg::Literal(day)});
  OCTO_ASSIGN(const auto files, WriteRows(process, table, intent.added));
  const iceberg::Properties mark = lab.ledger.Begin(std::move(intent));
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(Facts(), iceberg::AssertTableUuid(table.metadata->table_uuid));
  transaction.Add(Facts(), iceberg::OverwritePartitions(partitions, files, mark));
  transaction.Add(Facts(), iceberg::ExpireSnapshots(lab.retention));
  return Write(lab, process).Commit(transaction, mark, files);
}

}  // namespace octolake::simulation
