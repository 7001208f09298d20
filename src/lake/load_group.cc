#include "lake/load_group.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "event/event_reader.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"

namespace octolake::lake {
namespace {

using Outcome = FileReport::Outcome;
using DataFiles = std::vector<iceberg::DataFile>;

// How often a commit is tried again because others added to loaded_files.
constexpr int kMaxAttempts = 20;

constexpr size_t kEvents = 0;
constexpr size_t kRejected = 1;

bool IsInBronze(const GroupResult& result) {
  return result.outcome == Outcome::kLoaded || result.outcome == Outcome::kPartial;
}

std::string ForeignContentMessage(const std::string& path, const std::string& found) {
  return path +
         " holds no events: expected JSON, as it is or compressed with gzip or zstd, found " +
         found + "; nothing was loaded from it";
}

std::string ChangedMessage(const std::string& path) {
  return path +
         " changed while it was read; nothing was loaded from it: load it when it is "
         "complete";
}

}  // namespace

// A file once its content is with the writer.
struct GroupLoader::FileRead {
  GroupResult result;
  // Rows of it were given to the writer, but must not be committed.
  bool spoiled = false;

  void Fail(std::string error) {
    spoiled = result.file.events + result.file.rejected > 0;
    result.outcome = Outcome::kFailed;
    result.error = std::move(error);
  }
};

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
              warehouse.catalog().LoadTable(LoadedFiles(warehouse.namespaces())));
  LoadedState state;
  state.snapshot = table.metadata->current_snapshot_id;
  OCTO_ASSIGN(state.digests, ReadLoadedDigests(warehouse.file_system(), table));
  return state;
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
  const Namespaces& namespaces = warehouse_.namespaces();
  std::vector<std::unique_ptr<datafile::TableWriter>> writers;
  for (const auto& name : {BronzeEvents(namespaces), RejectedEvents(namespaces)}) {
    OCTO_ASSIGN(const iceberg::Table table, warehouse_.catalog().LoadTable(name));
    OCTO_ASSIGN(auto writer,
                datafile::MakeTableWriter(warehouse_.file_system(), warehouse_.random(),
                                          *table.metadata, options_.writer));
    writers.push_back(std::move(writer));
  }
  return std::make_unique<BackgroundWriter>(warehouse_.file_system(), std::move(writers));
}

Result<GroupLoader::FileRead> GroupLoader::ReadEvents(const GroupFile& file, HashedInput& input,
                                                      BackgroundWriter& writer) {
  FileRead read;
  read.result.index = file.index;
  LoadedFile& loaded = read.result.file;
  loaded.name = file.path;
  loaded.loaded_at = NextInstant();

  std::string beginning;
  auto content = PeekBeginning(input.TakeContent(), &beginning);
  if (!content) {
    read.Fail(std::move(content).error().message);
    return read;
  }
  if (const auto foreign = RecogniseForeignContent(beginning)) {
    read.Fail(ForeignContentMessage(file.path, *foreign));
    return read;
  }
  event::ReadOptions options;
  options.source = options_.source;
  options.source_file = file.path;
  options.ingestion_timestamp = loaded.loaded_at;
  options.max_document_bytes = options_.max_document_bytes;
  const auto reader =
      event::MakeEventReader(std::move(content).value(), std::move(options), trace_ids_);
  while (true) {
    auto batch = reader->Next();
    if (!batch) {
      const bool damaged = batch.error().kind == ErrorKind::kCorruption;
      if (damaged && loaded.events + loaded.rejected > 0) {
        read.result.outcome = Outcome::kPartial;
        read.result.error = std::move(batch).error().message;
      } else {
        read.Fail(std::move(batch).error().message);
      }
      return read;
    }
    bytes_read_(file.path, bytes_before_ + input.bytes_read());
    if (!batch->has_value()) return read;
    event::EventBatch& rows = **batch;
    loaded.events += rows.events->num_rows();
    loaded.rejected += rows.rejected->num_rows();
    if (rows.events->num_rows() > 0) OCTO_TRY(writer.Write(kEvents, std::move(rows.events)));
    if (rows.rejected->num_rows() > 0) OCTO_TRY(writer.Write(kRejected, std::move(rows.rejected)));
  }
}

// An error is the writer's; the file's own are in the result.
Result<GroupLoader::FileRead> GroupLoader::ReadFile(const GroupFile& file,
                                                    BackgroundWriter& writer) {
  auto input = HashedInput::Open(file.path);
  if (!input) {
    FileRead read;
    read.result.index = file.index;
    read.Fail(std::move(input).error().message);
    return read;
  }
  OCTO_ASSIGN(FileRead read, ReadEvents(file, **input, writer));
  if (read.result.outcome == Outcome::kFailed) return read;
  auto digest = (*input)->FinishDigest();
  if (!digest) {
    read.Fail(std::move(digest).error().message);
    return read;
  }
  if (!file.info.is_stream && *digest != file.sha256) read.Fail(ChangedMessage(file.path));
  read.result.file.sha256 = std::move(digest).value();
  read.result.file.size = (*input)->bytes_read();
  if (read.result.outcome == Outcome::kPartial) read.result.file.error = read.result.error;
  if (!options_.again && file.info.is_stream && state_.digests.contains(read.result.file.sha256)) {
    read.result.outcome = Outcome::kSkipped;
    read.spoiled = true;
  }
  return read;
}

// False if a file has to be left out of what was written; it is not in `files` any more.
Result<bool> GroupLoader::ReadAll(std::vector<GroupFile>& files, BackgroundWriter& writer,
                                  GroupReport& report) {
  bytes_before_ = 0;
  for (size_t i = 0; i < files.size();) {
    OCTO_ASSIGN(FileRead read, ReadFile(files[i], writer));
    const bool in_bronze = IsInBronze(read.result);
    bytes_before_ += files[i].info.size;
    report.results.push_back(std::move(read.result));
    if (in_bronze) {
      ++i;
      continue;
    }
    files.erase(files.begin() + static_cast<std::ptrdiff_t>(i));
    if (read.spoiled) return false;
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
    OCTO_ASSIGN(const iceberg::Table table,
                warehouse_.catalog().LoadTable(LoadedFiles(warehouse_.namespaces())));
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

  for (int attempt = 1;; ++attempt) {
    Status committed = CommitOnce(files);
    if (committed) {
      for (LoadedFile& file : loaded) state_.digests.insert_or_assign(file.sha256, file.error);
      return true;
    }
    const ErrorKind kind = committed.error().kind;
    if (kind == ErrorKind::kCommitStateUnknown) {
      return WithContext(std::move(committed).error(),
                         "it is not known whether the last files were loaded; no file was removed; "
                         "load them again, and what was loaded is skipped");
    }
    const bool retry = kind == ErrorKind::kCommitConflict && attempt < kMaxAttempts;
    auto now = retry ? ReadLoadedState(warehouse_) : Result<LoadedState>(LoadedState());
    if (!retry || !now) {
      files.Remove(warehouse_.file_system());
      return tl::unexpected(retry ? std::move(now).error() : std::move(committed).error());
    }
    state_ = std::move(now).value();
    if (options_.again) continue;
    bool overtaken = false;
    for (GroupResult& result : report.results) {
      if (!IsInBronze(result) || !state_.digests.contains(result.file.sha256)) continue;
      overtaken = true;
      result.outcome = Outcome::kSkipped;
      result.error.clear();
      std::erase_if(left, [&](const GroupFile& file) { return file.index == result.index; });
    }
    if (!overtaken) continue;
    files.Remove(warehouse_.file_system());
    return false;
  }
}

Status GroupLoader::CommitOnce(const Files& files) {
  const Namespaces& namespaces = warehouse_.namespaces();
  const iceberg::TableIdentifier loaded = LoadedFiles(namespaces);
  iceberg::Transaction transaction(warehouse_.catalog(), warehouse_.update_context());
  transaction.Add(loaded, iceberg::AssertCurrentSnapshot(state_.snapshot));
  transaction.Add(loaded, iceberg::AppendFiles(files.loaded, {}));
  if (!files.events.empty()) {
    transaction.Add(BronzeEvents(namespaces), iceberg::AppendFiles(files.events, {}));
  }
  if (!files.rejected.empty()) {
    transaction.Add(RejectedEvents(namespaces), iceberg::AppendFiles(files.rejected, {}));
  }
  OCTO_ASSIGN(const auto tables, transaction.Commit());
  state_.snapshot = tables.front().metadata->current_snapshot_id;
  return {};
}

}  // namespace octolake::lake
