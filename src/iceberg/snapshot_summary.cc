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

void SnapshotChanges::AddFile(const DataFile& file) {
  ++added_files_;
  added_records_ += file.record_count;
  added_size_ += file.file_size_in_bytes;
  partitions_.insert({file.spec_id, file.partition});
}

void SnapshotChanges::RemoveFile(const DataFile& file) {
  ++removed_files_;
  removed_records_ += file.record_count;
  removed_size_ += file.file_size_in_bytes;
  partitions_.insert({file.spec_id, file.partition});
}

Properties SnapshotChanges::MakeSummary(Properties properties, const std::string& operation,
                                        const SnapshotTotals& before) const {
  SnapshotTotals after = before;
  after.data_files += added_files_ - removed_files_;
  after.records += added_records_ - removed_records_;
  after.files_size += added_size_ - removed_size_;
  properties["operation"] = operation;
  SetIfPositive(properties, "added-data-files", added_files_);
  SetIfPositive(properties, "added-records", added_records_);
  SetIfPositive(properties, "added-files-size", added_size_);
  SetIfPositive(properties, "deleted-data-files", removed_files_);
  SetIfPositive(properties, "deleted-records", removed_records_);
  SetIfPositive(properties, "removed-files-size", removed_size_);
  properties["changed-partition-count"] = std::to_string(partitions_.size());
  for (const NamedTotal& total : kTotals) {
    properties[total.name] = std::to_string(after.*total.member);
  }
  return properties;
}

}  // namespace octolake::iceberg
