#include "iceberg/snapshot_producer.h"

#include <algorithm>
#include <utility>

#include "base/civil_time.h"
#include "base/string_util.h"
#include "iceberg/manifest_io.h"
#include "iceberg/metadata_file.h"

namespace octolake::iceberg {
namespace {

// About 8 MiB compressed for a table with some thirty columns.
constexpr size_t kMaxEntriesPerManifest = 10'000;

// Snapshot ids are positive and, at random from 63 bits, unique in practice; this makes them so.
int64_t NewSnapshotId(RandomSource& random, const TableMetadata& metadata) {
  while (true) {
    const auto id = static_cast<int64_t>(random.Next() >> 1);
    if (id > 0 && metadata.FindSnapshot(id) == nullptr) return id;
  }
}

bool CountsKnown(const ManifestFile& manifest) {
  return std::min({manifest.added_files_count, manifest.existing_files_count,
                   manifest.deleted_files_count}) >= 0 &&
         std::min({manifest.added_rows_count, manifest.existing_rows_count,
                   manifest.deleted_rows_count}) >= 0;
}

// Version 2 requires counts that manifest lists of version 1 may lack.
Status FillCounts(io::FileSystem& fs, const TableMetadata& metadata, ManifestFile& manifest) {
  if (CountsKnown(manifest)) return {};
  OCTO_ASSIGN(const std::vector<ManifestEntry> entries, ReadManifest(fs, manifest, metadata));
  int32_t files[3] = {};
  int64_t rows[3] = {};
  for (const ManifestEntry& entry : entries) {
    ++files[static_cast<int>(entry.status)];
    rows[static_cast<int>(entry.status)] += entry.data_file.record_count;
  }
  manifest.existing_files_count = files[0];
  manifest.added_files_count = files[1];
  manifest.deleted_files_count = files[2];
  manifest.existing_rows_count = rows[0];
  manifest.added_rows_count = rows[1];
  manifest.deleted_rows_count = rows[2];
  return {};
}

tl::unexpected<Error> NoSpec(const TableMetadata& metadata, int32_t spec_id) {
  return MakeError(ErrorKind::kInvalidArgument,
                   "table " + metadata.location + " has no partition spec " +
                       std::to_string(spec_id) + "; files must be written for one it has");
}

}  // namespace

Status SnapshotProducer::Begin(const UpdateContext& context, const TableMetadata& metadata) {
  if (!uuid_) uuid_ = Uuid::RandomV4(context.random);
  if (!snapshot_id_) snapshot_id_ = NewSnapshotId(context.random, metadata);
  if (metadata.FindSnapshot(*snapshot_id_) != nullptr) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "snapshot " + std::to_string(*snapshot_id_) + " of table " +
                         metadata.location + " is committed already; an update is used once");
  }
  ++attempt_;
  sequence_number_ = metadata.last_sequence_number + 1;
  parent_manifests_.clear();
  parent_totals_ = {};
  const Snapshot* parent = metadata.CurrentSnapshot();
  if (parent == nullptr) return {};
  OCTO_ASSIGN(std::vector<ManifestFile> manifests, ReadManifestList(context.file_system, *parent));
  for (ManifestFile& manifest : manifests) {
    OCTO_TRY(FillCounts(context.file_system, metadata, manifest));
    // What only names files that an earlier snapshot deleted is of no use to a later one.
    if (manifest.added_files_count > 0 || manifest.existing_files_count > 0) {
      parent_manifests_.push_back(std::move(manifest));
    }
  }
  OCTO_ASSIGN(parent_totals_, TotalsOf(context.file_system, metadata, *parent, parent_manifests_));
  return {};
}

Result<ManifestFile> SnapshotProducer::WriteManifest(const UpdateContext& context,
                                                     const TableMetadata& metadata, int32_t spec_id,
                                                     ManifestContent content,
                                                     const std::vector<ManifestEntry>& entries) {
  const PartitionSpec* spec = metadata.FindSpec(spec_id);
  if (spec == nullptr) return NoSpec(metadata, spec_id);
  ManifestWriteOptions options;
  options.schema = &SchemaForSpec(metadata, *spec);
  options.spec = spec;
  options.content = content;
  options.location = MetadataDirectory(metadata) + "/" + uuid_->ToString() + "-m" +
                     std::to_string(manifests_written_++) + ".avro";
  written_.insert(options.location);
  return iceberg::WriteManifest(context.file_system, context.random, options, entries,
                                *snapshot_id_, sequence_number_);
}

Result<std::vector<ManifestFile>> SnapshotProducer::AddFiles(
    const UpdateContext& context, const TableMetadata& metadata, const std::vector<DataFile>& files,
    std::optional<int64_t> data_sequence_number) {
  if (added_schema_id_ == metadata.current_schema_id) {
    for (ManifestFile& manifest : added_manifests_) {
      manifest = Renumbered(std::move(manifest), sequence_number_);
    }
    return added_manifests_;
  }
  std::map<int32_t, std::vector<ManifestEntry>> by_spec;
  for (const DataFile& file : files) {
    ManifestEntry& entry = by_spec[file.spec_id].emplace_back();
    entry.status = EntryStatus::kAdded;
    entry.snapshot_id = *snapshot_id_;
    entry.sequence_number = data_sequence_number;
    entry.data_file = file;
  }
  added_manifests_.clear();
  for (const auto& [spec_id, entries] : by_spec) {
    for (size_t begin = 0; begin < entries.size(); begin += kMaxEntriesPerManifest) {
      const auto first = entries.begin() + static_cast<std::ptrdiff_t>(begin);
      const size_t count = std::min(kMaxEntriesPerManifest, entries.size() - begin);
      OCTO_ASSIGN(ManifestFile manifest,
                  WriteManifest(context, metadata, spec_id, ManifestContent::kData,
                                {first, first + static_cast<std::ptrdiff_t>(count)}));
      added_manifests_.push_back(std::move(manifest));
    }
  }
  added_schema_id_ = metadata.current_schema_id;
  return added_manifests_;
}

Status SnapshotProducer::Commit(const UpdateContext& context, TableMetadata& metadata,
                                const std::string& operation, const SnapshotChanges& changes,
                                const std::vector<ManifestFile>& manifests) {
  Snapshot snapshot;
  snapshot.snapshot_id = *snapshot_id_;
  snapshot.parent_snapshot_id = metadata.current_snapshot_id;
  snapshot.sequence_number = sequence_number_;
  snapshot.timestamp_ms = ChangeTimeMs(context.clock, metadata);
  snapshot.schema_id = metadata.current_schema_id;
  snapshot.summary = changes.MakeSummary(summary_, operation, parent_totals_);
  snapshot.manifest_list = MetadataDirectory(metadata) + "/snap-" + std::to_string(*snapshot_id_) +
                           "-" + std::to_string(attempt_) + "-" + uuid_->ToString() + ".avro";
  written_.insert(snapshot.manifest_list);
  std::set<std::string>& named = named_by_list_[snapshot.manifest_list];
  for (const ManifestFile& manifest : manifests) named.insert(manifest.manifest_path);
  OCTO_TRY(WriteManifestList(context.file_system, context.random, snapshot.manifest_list, snapshot,
                             manifests));
  const int64_t timestamp_ms = snapshot.timestamp_ms;
  metadata.last_sequence_number = sequence_number_;
  metadata.snapshots.push_back(std::move(snapshot));
  SetCurrentSnapshot(metadata, *snapshot_id_, timestamp_ms);
  return {};
}

std::vector<std::string> SnapshotProducer::Unused(const TableMetadata* committed) const {
  std::set<std::string> unused = written_;
  if (committed != nullptr && snapshot_id_) {
    const Snapshot* snapshot = committed->FindSnapshot(*snapshot_id_);
    // Committed and gone again: its files are those of whoever removed it.
    if (snapshot == nullptr) return {};
    unused.erase(snapshot->manifest_list);
    const auto named = named_by_list_.find(snapshot->manifest_list);
    if (named == named_by_list_.end()) return {};
    for (const std::string& location : named->second) unused.erase(location);
  }
  return {unused.begin(), unused.end()};
}

ManifestFile Renumbered(ManifestFile manifest, int64_t sequence_number) {
  // Existing files have lower numbers, so this says that all live ones inherit theirs.
  if (manifest.min_sequence_number == manifest.sequence_number) {
    manifest.min_sequence_number = sequence_number;
  }
  manifest.sequence_number = sequence_number;
  return manifest;
}

Status CheckNewFiles(const TableMetadata& metadata, const std::vector<DataFile>& files) {
  std::set<std::string_view> paths;
  for (const DataFile& file : files) {
    if (file.content != FileContent::kData) {
      return MakeError(ErrorKind::kInvalidArgument, file.file_path + " is no data file");
    }
    if (!paths.insert(file.file_path).second) {
      return MakeError(ErrorKind::kInvalidArgument, file.file_path + " is to be added twice");
    }
    const PartitionSpec* spec = metadata.FindSpec(file.spec_id);
    if (spec == nullptr) return NoSpec(metadata, file.spec_id);
    if (file.partition.size() != spec->fields.size()) {
      return MakeError(ErrorKind::kInvalidArgument,
                       file.file_path + " has " + std::to_string(file.partition.size()) +
                           " partition values, but partition spec " +
                           std::to_string(spec->spec_id) + " has " +
                           std::to_string(spec->fields.size()) + " fields");
    }
  }
  return {};
}

Result<int64_t> PositiveProperty(const TableMetadata& metadata, const std::string& name,
                                 int64_t if_absent) {
  const auto found = metadata.properties.find(name);
  if (found == metadata.properties.end()) return if_absent;
  const int64_t value = ParseNumber<int64_t>(found->second).value_or(0);
  if (value > 0) return value;
  return MakeError(ErrorKind::kInvalidArgument, "table property " + name + " is '" + found->second +
                                                    "', expected a positive integer");
}

void SetCurrentSnapshot(TableMetadata& metadata, int64_t snapshot_id, int64_t timestamp_ms) {
  metadata.current_snapshot_id = snapshot_id;
  SnapshotRef& main = metadata.refs["main"];
  main.snapshot_id = snapshot_id;
  main.is_branch = true;
  metadata.snapshot_log.push_back({.timestamp_ms = timestamp_ms, .snapshot_id = snapshot_id});
  metadata.last_updated_ms = timestamp_ms;
}

int64_t ChangeTimeMs(const Clock& clock, const TableMetadata& metadata) {
  int64_t time = std::max(clock.Now() / kMicrosPerMilli, metadata.last_updated_ms);
  if (!metadata.snapshot_log.empty()) {
    time = std::max(time, metadata.snapshot_log.back().timestamp_ms);
  }
  return time;
}

}  // namespace octolake::iceberg
