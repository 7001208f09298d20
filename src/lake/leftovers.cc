#include "lake/leftovers.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "iceberg/named_files.h"
#include "iceberg/stray_metadata.h"
#include "io/local_file_system.h"
#include "io/s3_file_system.h"
#include "io/write_record.h"
#include "lake/table_version.h"

namespace octolake::lake {
namespace {

// A file of a dead process that is still there.
using Sizes = std::map<std::string, int64_t>;  // by location

Status Remove(Warehouse& warehouse, const std::string& location, int64_t size,
              LeftoverReport& report) {
  Status removed = warehouse.file_system().Remove(location);
  if (!removed && removed.error().kind != ErrorKind::kNotFound) return removed;
  ++report.files;
  report.bytes += size;
  return {};
}

class Cleaner {
 public:
  explicit Cleaner(Warehouse& warehouse) : warehouse_(warehouse) {}

  Result<LeftoverReport> Run();

 private:
  Result<bool> CleanUp(const io::WriteRecordContent& content);
  Result<Sizes> Remaining(const std::vector<std::string>& locations);
  Status LoadTables();
  Result<std::set<std::string>> NamedByTables(const Sizes& files, std::set<std::string>& homeless);
  bool IsInWarehouse(const std::string& location) const;
  bool IsTemporary(const std::string& location) const;
  Status Remove(const std::string& location, int64_t size) {
    return octolake::lake::Remove(warehouse_, location, size, report_);
  }

  Warehouse& warehouse_;
  std::optional<std::vector<iceberg::Table>> tables_;
  LeftoverReport report_;
};

bool IsBelow(const std::string& location, const std::string& directory) {
  return location.size() > directory.size() && location.starts_with(directory) &&
         location[directory.size()] == '/';
}

bool Cleaner::IsInWarehouse(const std::string& location) const {
  return IsBelow(location, warehouse_.directory()) ||
         IsBelow(io::CanonicalS3Location(location), warehouse_.location()) || IsTemporary(location);
}

bool Cleaner::IsTemporary(const std::string& location) const {
  return IsBelow(location, warehouse_.temp_directory()) ||
         IsBelow(location, io::FileLocation(warehouse_.temp_directory())) ||
         IsBelow(location, warehouse_.location() + "/tmp");
}

Result<Sizes> Cleaner::Remaining(const std::vector<std::string>& locations) {
  Sizes files;
  for (const std::string& location : locations) {
    auto info = warehouse_.file_system().Stat(location);
    if (info) {
      files.emplace(location, info->size);
    } else if (info.error().kind != ErrorKind::kNotFound) {
      return tl::unexpected(std::move(info).error());
    }
  }
  return files;
}

// Once, after all records are taken over. What the dead had asked for may be under way still.
Status Cleaner::LoadTables() {
  if (tables_) return {};
  OCTO_TRY(warehouse_.catalog().AwaitCommits());
  std::vector<iceberg::Table> tables;
  OCTO_ASSIGN(const auto names, iceberg::ListAllTables(warehouse_.catalog()));
  for (const iceberg::TableIdentifier& name : names) {
    OCTO_ASSIGN(iceberg::Table table, warehouse_.catalog().LoadTable(name));
    tables.push_back(std::move(table));
  }
  tables_ = std::move(tables);
  return {};
}

// Several tables may be at one location, when one was registered twice: each is asked. What it
// gives is in the canonical spelling: tables may name with s3a:// what was written as s3://.
Result<std::set<std::string>> Cleaner::NamedByTables(const Sizes& files,
                                                     std::set<std::string>& homeless) {
  std::set<std::string> named;
  for (const auto& [location, size] : files) homeless.insert(io::CanonicalS3Location(location));
  const std::set<std::string> all = homeless;
  std::set<std::string> unknown;
  for (const iceberg::Table& table : *tables_) {
    std::set<std::string> candidates;
    const std::string place = io::CanonicalS3Location(table.metadata->location);
    for (const std::string& location : all) {
      if (IsBelow(location, place)) candidates.insert(location);
    }
    if (candidates.empty()) continue;
    // What names files in a newer octolake's table may be nothing that this one knows.
    if (!CheckVersion(table)) {
      unknown.merge(candidates);
      continue;
    }
    for (const std::string& location : candidates) homeless.erase(location);
    OCTO_ASSIGN(auto found,
                iceberg::NamedFiles(warehouse_.file_system(), table, candidates,
                                    [](const std::string& location) -> Result<std::string> {
                                      return io::CanonicalS3Location(location);
                                    }));
    named.merge(found);
  }
  homeless.merge(unknown);
  return named;
}

// Whether the record has served its purpose.
Result<bool> Cleaner::CleanUp(const io::WriteRecordContent& content) {
  if (content.locations.empty()) return true;
  // The files of another catalog in the same directory: only it can tell which are named.
  if (content.owner != warehouse_.record_owner()) return false;
  OCTO_ASSIGN(Sizes files, Remaining(content.locations));
  bool all_decided = true;
  for (auto it = files.begin(); it != files.end();) {
    const auto& [location, size] = *it;
    // In a copy of a warehouse the records tell of the files of the original.
    const bool foreign = !IsInWarehouse(location);
    all_decided = all_decided && !foreign;
    if (!foreign && IsTemporary(location)) OCTO_TRY(Remove(location, size));
    it = foreign || IsTemporary(location) ? files.erase(it) : std::next(it);
  }
  if (files.empty()) return all_decided;
  OCTO_TRY(LoadTables());
  std::set<std::string> homeless;
  OCTO_ASSIGN(const std::set<std::string> named, NamedByTables(files, homeless));
  for (const auto& [location, size] : files) {
    const std::string canonical = io::CanonicalS3Location(location);
    if (named.contains(canonical) || homeless.contains(canonical)) continue;
    OCTO_TRY(Remove(location, size));
  }
  return all_decided && homeless.empty();
}

Result<LeftoverReport> Cleaner::Run() {
  OCTO_ASSIGN(std::vector<io::OwnedFile> records,
              io::TakeOverWriteRecords(warehouse_.write_records_directory()));
  for (io::OwnedFile& record : records) {
    auto content = io::ReadWriteRecord(record);
    auto done = content ? CleanUp(*content) : Result<bool>(tl::unexpected(content.error()));
    Status status;
    if (done && *done) status = record.Remove();
    if (!done) status = tl::unexpected(std::move(done).error());
    if (!status) {
      report_.kept.push_back("what " + record.path() +
                             " lists is not cleaned up: " + status.error().message);
    }
  }
  return std::move(report_);
}

Status RemoveStrays(Warehouse& warehouse, const iceberg::TableIdentifier& name,
                    LeftoverReport& report) {
  OCTO_ASSIGN(const iceberg::Table table, warehouse.catalog().LoadTable(name));
  // Of a newer octolake, or of the warehouse of which this is a copy.
  if (!CheckVersion(table) || !warehouse.CheckOwn(table)) return {};
  OCTO_ASSIGN(const std::vector<io::FileInfo> files,
              iceberg::FindStrayMetadata(warehouse.file_system(), table));
  for (const io::FileInfo& file : files) {
    OCTO_TRY(Remove(warehouse, file.location, file.size, report));
  }
  return {};
}

}  // namespace

LeftoverReport RemoveStrayMetadata(Warehouse& warehouse, const std::string& name_space) {
  LeftoverReport report;
  const auto keep = [&](const std::string& what, const Error& error) {
    report.kept.push_back("old metadata of " + what + " is not cleaned up: " + error.message);
  };
  const auto names = warehouse.catalog().ListTables(name_space);
  if (!names) {
    if (names.error().kind != ErrorKind::kNotFound) keep(name_space, names.error());
    return report;
  }
  for (const iceberg::TableIdentifier& name : *names) {
    const Status removed = RemoveStrays(warehouse, name, report);
    if (removed || removed.error().kind == ErrorKind::kNotFound) continue;  // dropped meanwhile
    keep("table " + name.ToString(), removed.error());
  }
  return report;
}

Result<LeftoverReport> RemoveLeftovers(Warehouse& warehouse) { return Cleaner(warehouse).Run(); }

}  // namespace octolake::lake
