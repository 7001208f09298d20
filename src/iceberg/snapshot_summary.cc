#include "iceberg/snapshot_summary.h"

#include <optional>

#include "base/string_util.h"
#include "iceberg/manifest_io.h"

namespace octolake::iceberg {
namespace {

struct NamedTotal {
  const char* name;
  int64_t SnapshotTotals::*member;
};

constexpr NamedTotal kTotals[] = {
    {"total-data-files", &SnapshotTotals::data_files},
    {"total-records", &SnapshotTotals::records},
    {"total-files-size", &SnapshotTotals::files_size},
    {"total-delete-files", &SnapshotTotals::delete_files},
    {"total-position-deletes", &SnapshotTotals::position_deletes},
    {"total-equality-deletes", &SnapshotTotals::equality_deletes},
};

// A greater total is no total: what is added to it must not overflow.
constexpr int64_t kMaxTotal = int64_t{1} << 62;

std::optional<SnapshotTotals> TotalsInSummary(const Properties& summary) {
  SnapshotTotals totals;
  for (const NamedTotal& total : kTotals) {
    const auto found = summary.find(total.name);
    if (found == summary.end()) return std::nullopt;
    const int64_t value = ParseNumber<int64_t>(found->second).value_or(-1);
    if (value < 0 || value > kMaxTotal) return std::nullopt;
    totals.*total.member = value;
  }
  return totals;
}

void CountLive(const DataFile& file, SnapshotTotals& totals) {
  totals.files_size += file.file_size_in_bytes;
  switch (file.content) {
    case FileContent::kData:
      ++totals.data_files;
      totals.records += file.record_count;
      break;
    case FileContent::kPositionDeletes:
      ++totals.delete_files;
      totals.position_deletes += file.record_count;
      break;
    case FileContent::kEqualityDeletes:
      ++totals.delete_files;
      totals.equality_deletes += file.record_count;
      break;
  }
}

void SetIfPositive(Properties& properties, const char* name, int64_t value) {
  if (value > 0) {
    properties[name] = std::to_string(value);
  } else {
    properties.erase(name);
  }
}

}  // namespace

Result<SnapshotTotals> TotalsOf(io::FileSystem& fs, const TableMetadata& metadata,
                                const Snapshot& snapshot,
                                const std::vector<ManifestFile>& manifests) {
  if (const auto totals = TotalsInSummary(snapshot.summary)) return *totals;
  SnapshotTotals totals;
  for (const ManifestFile& manifest : manifests) {
    OCTO_ASSIGN(const std::vector<ManifestEntry> entries, ReadManifest(fs, manifest, metadata));
    for (const ManifestEntry& entry : entries) {
      if (entry.status != EntryStatus::kDeleted) CountLive(entry.data_file, totals);
    }
  }
  return totals;
}

void SnapshotChanges::Count(const DataFile& file, Counts& counts) {
  counts.files_size += file.file_size_in_bytes;
  partitions_.insert({file.spec_id, file.partition});
  switch (file.content) {
    case FileContent::kData:
      ++counts.data_files;
      counts.records += file.record_count;
      break;
    case FileContent::kPositionDeletes:
      ++counts.position_delete_files;
      counts.position_deletes += file.record_count;
      break;
    case FileContent::kEqualityDeletes:
      ++counts.equality_delete_files;
      counts.equality_deletes += file.record_count;
      break;
  }
}

void SnapshotChanges::AddFile(const DataFile& file) { Count(file, added_); }

void SnapshotChanges::RemoveFile(const DataFile& file) { Count(file, removed_); }

Properties SnapshotChanges::MakeSummary(Properties properties, const std::string& operation,
                                        const SnapshotTotals& before) const {
  SnapshotTotals after = before;
  after.data_files += added_.data_files - removed_.data_files;
  after.records += added_.records - removed_.records;
  after.files_size += added_.files_size - removed_.files_size;
  after.delete_files += added_.delete_files() - removed_.delete_files();
  after.position_deletes += added_.position_deletes - removed_.position_deletes;
  after.equality_deletes += added_.equality_deletes - removed_.equality_deletes;
  const std::pair<const char*, int64_t> counts[] = {
      {"added-data-files", added_.data_files},
      {"added-records", added_.records},
      {"added-delete-files", added_.delete_files()},
      {"added-position-delete-files", added_.position_delete_files},
      {"added-position-deletes", added_.position_deletes},
      {"added-equality-delete-files", added_.equality_delete_files},
      {"added-equality-deletes", added_.equality_deletes},
      {"added-files-size", added_.files_size},
      {"deleted-data-files", removed_.data_files},
      {"deleted-records", removed_.records},
      {"removed-delete-files", removed_.delete_files()},
      {"removed-position-delete-files", removed_.position_delete_files},
      {"removed-position-deletes", removed_.position_deletes},
      {"removed-equality-delete-files", removed_.equality_delete_files},
      {"removed-equality-deletes", removed_.equality_deletes},
      {"removed-files-size", removed_.files_size},
  };
  properties["operation"] = operation;
  for (const auto& [name, value] : counts) SetIfPositive(properties, name, value);
  properties["changed-partition-count"] = std::to_string(partitions_.size());
  for (const NamedTotal& total : kTotals) {
    properties[total.name] = std::to_string(after.*total.member);
  }
  return properties;
}

}  // namespace octolake::iceberg
