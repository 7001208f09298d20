#include "lake/load_group.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>

#include "datafile/idle_memory.h"
#include "event/event_reader.h"
#include "iceberg/backoff.h"
#include "iceberg/expire_snapshots.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "lake/late_writer.h"

namespace octolake::lake {
namespace {

using Outcome = FileReport::Outcome;
using DataFiles = std::vector<iceberg::DataFile>;

constexpr size_t kEvents = 0;
constexpr size_t kRejected = 1;

bool IsInBronze(const GroupResult& result) {
  return result.outcome == Outcome::kLoaded || result.outcome == Outcome::kPartial;
}

// Reading keeps up with writing when this many files are read at once.
constexpr size_t kMaxFilesAtOnce = 3;

size_t FilesAtOnce() {
  return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMaxFilesAtOnce);
}

}  // namespace

// What a commit names.
struct GroupLoader::Files {
  DataFiles events;
  DataFiles rejected;
  DataFiles loaded;

  void Remove(io::FileSystem& fs) const {
    datafile::RemoveFiles(fs, events);
    datafile::RemoveFiles(fs, rejected);
    datafile::RemoveFiles(fs, loaded);
  }
};

Result<LoadedState> ReadLoadedState(Warehouse& warehouse) {
  OCTO_ASSIGN(const iceberg::Table table,
              iceberg::LoadTableAgain(warehouse.catalog(), LoadedFiles(warehouse.namespaces())));
  OCTO_ASSIGN(auto contents, LoadedContents::Open(warehouse.file_system(), table));
  return LoadedState{std::move(contents), table.metadata->current_snapshot_id};
}

GroupLoader::GroupLoader(Warehouse& warehouse, const LoadOptions& options, LoadedState& state,
                         BytesRead bytes_read)
    : warehouse_(warehouse),
      options_(options),
      state_(state),
      bytes_read_(std::move(bytes_read)),
      trace_ids_(warehouse.clock(), warehouse.random()) {}

// Strictly increasing, so that files are ordered by it also when the clock stands still.
TimestampMicros GroupLoader::NextInstant() {
  last_instant_ = std::max(warehouse_.clock().Now(), last_instant_ + 1);
  return last_instant_;
}

Result<std::unique_ptr<BackgroundWriter>> GroupLoader::MakeWriter() {
  // What the threads that read and wrote before have freed is in their arenas of malloc's: those to
  // come may have others, and would take as much again.
  if (std::exchange(has_written_, true)) datafile::ReleaseFreeMemory();
  const iceberg::TableIdentifier bronze_name = BronzeEvents(warehouse_.namespaces());
  const iceberg::TableIdentifier rejected_name = RejectedEvents(warehouse_.namespaces());
  OCTO_ASSIGN(const iceberg::Table bronze,
              iceberg::LoadTableAgain(warehouse_.catalog(), bronze_name));
  table_uuids_[bronze_name] = bronze.metadata->table_uuid;
  OCTO_ASSIGN(auto events, datafile::MakeTableWriter(warehouse_.file_system(), warehouse_.random(),
                                                     *bronze.metadata, options_.writer));
  std::vector<std::unique_ptr<datafile::TableWriter>> writers;
  writers.push_back(std::move(events));
  writers.push_back(
      MakeLateWriter(warehouse_, rejected_name, options_.writer, &table_uuids_[rejected_name]));
  return std::make_unique<BackgroundWriter>(warehouse_.file_system(), std::move(writers));
}

std::unique_ptr<FileReading> GroupLoader::StartReading(const GroupFile& file,
                                                       bool decompress_apart) {
  event::ReadOptions options;
  options.source = options_.source;
  options.source_file = file.name;
  options.ingestion_timestamp = NextInstant();
  options.max_document_bytes = options_.max_document_bytes;
  return std::make_unique<FileReading>(file, std::move(options),
                                       decompress_apart && !file.info.is_stream);
}

// Hands all that is read to the writer. An error is the writer's.
Status GroupLoader::WriteBatches(FileReading& reading, const std::string& name,
                                 BackgroundWriter& writer) {
  while (auto rows = reading.Next()) {
    OCTO_TRY(event::FillTraceIds(trace_ids_, &*rows));
    bytes_read_(name, bytes_before_ + reading.bytes_read());
    if (rows->events->num_rows() > 0) OCTO_TRY(writer.Write(kEvents, std::move(rows->events)));
    if (rows->rejected->num_rows() > 0) {
      OCTO_TRY(writer.Write(kRejected, std::move(rows->rejected)));
    }
  }
  return {};
}

// Whether a content was loaded before or is one of this group's.
Result<bool> GroupLoader::IsKnown(const std::string& sha256, const GroupReport& report) {
  if (options_.again) return false;
  // A file can have become like another since their sizes were compared, or have come from a
  // server.
  const bool in_group =
      std::any_of(report.results.begin(), report.results.end(), [&](const GroupResult& result) {
        return IsInBronze(result) && result.file.sha256 == sha256;
      });
  if (in_group) return true;
  OCTO_ASSIGN(const auto known, state_.contents.Find(sha256));
  return known.has_value();
}

// False if rows that must not be committed were written: their file is not in `files` any more, and
// the others are to be read again.
Result<bool> GroupLoader::ReadAll(std::vector<GroupFile>& files, BackgroundWriter& writer,
                                  GroupReport& report) {
  bytes_before_ = 0;
  const size_t at_once = FilesAtOnce();
  const bool decompress_apart = files.size() < at_once;
  std::deque<std::unique_ptr<FileReading>> readings;  // of the files from the i-th on
  for (size_t i = 0; i < files.size();) {
    while (readings.size() < at_once && i + readings.size() < files.size()) {
      readings.push_back(StartReading(files[i + readings.size()], decompress_apart));
    }
    FileReading& reading = *readings.front();
    OCTO_TRY(WriteBatches(reading, files[i].name, writer));
    GroupResult result = reading.TakeResult();
    readings.pop_front();
    bool written = result.file.events + result.file.rejected > 0;
    if (IsInBronze(result)) {
      OCTO_ASSIGN(const bool known, IsKnown(result.file.sha256, report));
      if (known) {
        result.outcome = Outcome::kSkipped;
        written = true;
      }
    }
    const bool in_bronze = IsInBronze(result);
    bytes_before_ += files[i].info.size;
    report.results.push_back(std::move(result));
    if (in_bronze) {
      ++i;
      continue;
    }
    files.erase(files.begin() + static_cast<std::ptrdiff_t>(i));
    if (written) return false;
  }
  return true;
}

Result<GroupReport> GroupLoader::Load(std::vector<GroupFile> files) {
  GroupReport report;
  while (!files.empty()) {
    // What an earlier round gave up stands; what it would have loaded is read again.
    std::erase_if(report.results, IsInBronze);
    OCTO_ASSIGN(const auto writer, MakeWriter());
    OCTO_ASSIGN(const bool complete, ReadAll(files, *writer, report));
    if (!complete) continue;
    if (files.empty()) break;
    OCTO_ASSIGN(auto written, writer->Finish());
    Files data{std::move(written[kEvents]), std::move(written[kRejected]), {}};
    OCTO_ASSIGN(report.committed, Commit(data, files, report));
    if (report.committed) break;
  }
  if (!report.committed) std::erase_if(report.results, IsInBronze);
  return report;
}

// False if others have loaded some of the files: they are reported as skipped, and what remains in
// `left` is to be read again. Writes the rows of loaded_files.
Result<bool> GroupLoader::Commit(const Files& data, std::vector<GroupFile>& left,
                                 GroupReport& report) {
  Files files = data;
  std::vector<LoadedFile> loaded;
  for (const GroupResult& result : report.results) {
    if (IsInBronze(result)) loaded.push_back(result.file);
  }
  const auto write_rows = [&]() -> Result<DataFiles> {
    const iceberg::TableIdentifier name = LoadedFiles(warehouse_.namespaces());
    OCTO_ASSIGN(const iceberg::Table table, iceberg::LoadTableAgain(warehouse_.catalog(), name));
    table_uuids_[name] = table.metadata->table_uuid;
    OCTO_ASSIGN(auto writer,
                datafile::MakeTableWriter(warehouse_.file_system(), warehouse_.random(),
                                          *table.metadata, options_.writer));
    OCTO_ASSIGN(const auto batch, MakeLoadedFilesBatch(loaded));
    OCTO_TRY(writer->Write(*batch));
    return writer->Finish();
  };
  auto rows = write_rows();
  if (!rows) {
    files.Remove(warehouse_.file_system());
    return tl::unexpected(std::move(rows).error());
  }
  files.loaded = std::move(rows).value();

  iceberg::Backoff backoff(warehouse_.update_context().random);
  while (true) {
    Status committed = CommitOnce(files, report);
    if (committed) {
      for (const LoadedFile& file : loaded) state_.contents.Add(file);
      return true;
    }
    const ErrorKind kind = committed.error().kind;
    if (kind == ErrorKind::kCommitStateUnknown) {
      return WithContext(std::move(committed).error(),
                         "it is not known whether the last files were loaded; no file was removed; "
                         "load them again, and what was loaded is skipped");
    }
    // Others have added to loaded_files.
    const bool lost_race = kind == ErrorKind::kCommitConflict;
    if (lost_race && backoff.Wait()) {
      auto overtaken = SkipOvertaken(left, report);
      if (overtaken && !*overtaken) continue;
      files.Remove(warehouse_.file_system());
      if (!overtaken) return tl::unexpected(std::move(overtaken).error());
      return false;
    }
    files.Remove(warehouse_.file_system());
    if (!lost_race) return tl::unexpected(std::move(committed).error());
    return WithContext(std::move(committed).error(),
                       "gave up after " + std::to_string(backoff.attempts()) +
                           " races lost to others that commit to these tables; load the files "
                           "again when those have ended, and what was loaded is skipped");
  }
}

// After others have added to loaded_files: whether some of the files were among it, which are then
// reported as skipped and taken out of `left`.
Result<bool> GroupLoader::SkipOvertaken(std::vector<GroupFile>& left, GroupReport& report) {
  OCTO_ASSIGN(state_, ReadLoadedState(warehouse_));
  if (options_.again) return false;
  bool overtaken = false;
  for (GroupResult& result : report.results) {
    if (!IsInBronze(result)) continue;
    OCTO_ASSIGN(const auto known, state_.contents.Find(result.file.sha256));
    if (!known) continue;
    overtaken = true;
    result.outcome = Outcome::kSkipped;
    result.error.clear();
    std::erase_if(left, [&](const GroupFile& file) { return file.index == result.index; });
  }
  return overtaken;
}

Status GroupLoader::CommitOnce(const Files& files, GroupReport& report) {
  const Namespaces& namespaces = warehouse_.namespaces();
  const iceberg::TableIdentifier loaded = LoadedFiles(namespaces);
  iceberg::Transaction transaction(warehouse_.catalog(), warehouse_.update_context());
  const auto append = [&](const iceberg::TableIdentifier& table, const DataFiles& added) {
    transaction.Add(table, iceberg::AssertTableUuid(table_uuids_.at(table)));
    transaction.Add(table, iceberg::AppendFiles(added, {}));
    transaction.Add(table, iceberg::ExpireSnapshots(options_.retention));
  };
  transaction.Add(loaded, iceberg::AssertCurrentSnapshot(state_.snapshot));
  append(loaded, files.loaded);
  if (!files.events.empty()) append(BronzeEvents(namespaces), files.events);
  if (!files.rejected.empty()) append(RejectedEvents(namespaces), files.rejected);
  OCTO_TRY(transaction.Commit());
  for (const Error& error : transaction.left_behind()) report.warnings.push_back(error.message);
  // Not the current one, which is another's where others have committed before a lost reply was
  // looked up: what they have loaded is not in the state, so that the next commit must not pass.
  state_.snapshot = transaction.NewSnapshotId(loaded);
  return {};
}

}  // namespace octolake::lake
