#include "lake/table_check.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "datafile/file_check.h"
#include "datafile/file_reader.h"
#include "datafile/position_deletes.h"
#include "iceberg/metadata_file.h"
#include "iceberg/scan.h"
#include "io/local_file_system.h"

namespace octolake::lake {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMetadataEnding = ".metadata.json";
// A table's first metadata file; a creation that died before its commit leaves one behind.
constexpr std::string_view kFirstVersion = "00000-";
// Namespaces of more levels than this are not looked into.
constexpr int kMostLevels = 8;

// What the headers of pages say is in no checksum, but has to fit together.
Status DecodeRows(Warehouse& warehouse, const iceberg::DataFile& file,
                  const iceberg::Schema& schema) {
  auto reader = datafile::OpenDataFile(warehouse.file_system(), file, schema);
  if (!reader && reader.error().kind == ErrorKind::kUnsupported) return {};  // another's types
  if (!reader) return tl::unexpected<Error>(std::move(reader).error());
  int64_t rows = 0;
  while (true) {
    OCTO_ASSIGN(const auto batch, (*reader)->Next());
    if (batch == nullptr) break;
    rows += batch->num_rows();
  }
  if (rows == file.record_count) return {};
  return MakeError(ErrorKind::kCorruption, "data file " + file.file_path +
                                               " is damaged: " + std::to_string(rows) +
                                               " rows could be read, the manifest says " +
                                               std::to_string(file.record_count));
}

Status CheckFile(Warehouse& warehouse, const iceberg::DataFile& file,
                 const TableCheckOptions& options, TableCheck& check) {
  if (!options.read_data) return datafile::CheckFileSize(warehouse.file_system(), file);
  OCTO_ASSIGN(const auto counts, datafile::CheckPages(warehouse.file_system(), file));
  check.pages += counts.pages;
  check.pages_without_checksum += counts.without_checksum;
  return {};
}

// The data file, and the delete files that apply to it. Of those, damage is one problem, however
// many data files they apply to: `known_deletes` are the ones looked at before.
Status CheckTask(Warehouse& warehouse, const iceberg::ScanTask& task, const iceberg::Schema& schema,
                 const TableCheckOptions& options, std::set<std::string>& known_deletes,
                 TableCheck& check) {
  OCTO_TRY(CheckFile(warehouse, task.file, options, check));
  if (options.read_data) OCTO_TRY(DecodeRows(warehouse, task.file, schema));
  for (const iceberg::DataFile& deletes : task.deletes) {
    if (!known_deletes.insert(deletes.file_path).second) continue;
    OCTO_TRY(CheckFile(warehouse, deletes, options, check));
  }
  if (!options.read_data) return {};
  OCTO_TRY(datafile::ReadPositionDeletes(warehouse.file_system(), task.file, task.deletes));
  return {};
}

// Names of the metadata files in a directory, newest first.
std::vector<std::string> MetadataFiles(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (name.ends_with(kMetadataEnding)) names.push_back(std::move(name));
  }
  std::sort(names.rbegin(), names.rend());
  return names;
}

// The same at a location, wherever that is; none if it cannot be listed.
std::vector<std::string> MetadataFilesAt(Warehouse& warehouse, const std::string& location) {
  if (const auto directory = io::LocalPath(location)) return MetadataFiles(*directory);
  std::vector<std::string> names;
  const auto files = warehouse.file_system().List(location);
  if (!files) return names;
  for (const io::FileInfo& file : *files) {
    if (file.location.ends_with(kMetadataEnding)) {
      names.push_back(file.location.substr(file.location.rfind('/') + 1));
    }
  }
  std::sort(names.rbegin(), names.rend());
  return names;
}

class NamelessSearch {
 public:
  NamelessSearch(Warehouse& warehouse, std::set<std::string> known)
      : warehouse_(warehouse), known_(std::move(known)) {}

  void LookInto(const fs::path& directory, int levels) {
    if (known_.contains(directory.string())) return;
    if (!MetadataFiles(directory / "metadata").empty()) {
      const std::string location = io::FileLocation(directory.string());
      std::string newest = NewestCommittedMetadata(warehouse_, location);
      if (!newest.empty()) found_.push_back({location, std::move(newest)});
      return;
    }
    if (levels == kMostLevels) return;
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
      if (at->is_directory(error) && !at->is_symlink(error)) LookInto(at->path(), levels + 1);
    }
  }

  std::vector<NamelessTable> Found() && {
    std::sort(found_.begin(), found_.end(),
              [](const auto& a, const auto& b) { return a.location < b.location; });
    return std::move(found_);
  }

 private:
  Warehouse& warehouse_;
  const std::set<std::string> known_;  // local paths
  std::vector<NamelessTable> found_;
};

}  // namespace

TableCheck CheckTable(Warehouse& warehouse, const iceberg::TableIdentifier& table,
                      const TableCheckOptions& options) {
  TableCheck check;
  const auto give_up = [&](const Error& error) {
    check.problems.push_back(error.message);
    check.metadata_damaged = true;
  };
  auto loaded = warehouse.catalog().LoadTable(table);
  if (!loaded) {
    give_up(loaded.error());
    return check;
  }
  auto tasks = iceberg::PlanScan(warehouse.file_system(), *loaded->metadata, std::nullopt, {});
  if (!tasks) {
    give_up(tasks.error());
    return check;
  }
  size_t more = 0;
  std::set<std::string> known_deletes;
  for (const iceberg::ScanTask& task : *tasks) {
    Status good = CheckTask(warehouse, task, loaded->metadata->CurrentSchema(), options,
                            known_deletes, check);
    ++check.data_files;
    if (good) continue;
    if (check.problems.size() < kMostProblems) {
      check.problems.push_back(std::move(good).error().message);
    } else {
      ++more;
    }
  }
  if (more > 0) check.problems.push_back(std::to_string(more) + " more data files are damaged");
  return check;
}

std::string NewestReadableMetadata(Warehouse& warehouse, const std::string& location) {
  const std::string directory = location + "/metadata";
  for (const std::string& name : MetadataFilesAt(warehouse, directory)) {
    const std::string file = directory + "/" + name;
    if (iceberg::ReadMetadataFile(warehouse.file_system(), file)) return file;
  }
  return "";
}

std::string NewestCommittedMetadata(Warehouse& warehouse, const std::string& location) {
  const std::vector<std::string> names = MetadataFilesAt(warehouse, location + "/metadata");
  const bool committed = !names.empty() && !names.front().starts_with(kFirstVersion);
  return committed ? NewestReadableMetadata(warehouse, location) : "";
}

Result<std::vector<NamelessTable>> FindNamelessTables(Warehouse& warehouse) {
  // A bucket is too much to be looked through.
  if (!warehouse.is_local()) return std::vector<NamelessTable>();
  std::set<std::string> known;
  const auto know = [&](const std::string& location) {
    if (auto path = io::LocalPath(location)) known.insert(fs::path(*path).lexically_normal());
  };
  OCTO_ASSIGN(const auto namespaces, warehouse.catalog().ListNamespaces());
  for (const std::string& name_space : namespaces) {
    OCTO_ASSIGN(const auto tables, warehouse.catalog().ListTables(name_space));
    for (const iceberg::TableIdentifier& table : tables) {
      know(warehouse.catalog().DefaultTableLocation(table));
      auto loaded = warehouse.catalog().LoadTable(table);
      if (loaded) know(loaded->metadata->location);
    }
  }
  NamelessSearch search(warehouse, std::move(known));
  search.LookInto(warehouse.directory(), 0);
  return std::move(search).Found();
}

}  // namespace octolake::lake
