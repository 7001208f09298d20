// What all updates that make a snapshot share: its identity, the manifests and the manifest list it
// writes, and its place in the table metadata.
//
// An update keeps one producer and uses it for every attempt: Begin, WriteManifests as often as
// needed, Commit. The snapshot id stays the same from attempt to attempt (so that a commit whose
// reply was lost can be looked up, and manifests can be used again); the sequence number does not.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "iceberg/data_file.h"
#include "iceberg/snapshot_summary.h"
#include "iceberg/table_metadata.h"
#include "iceberg/update.h"

namespace octolake::iceberg {

class SnapshotProducer {
 public:
  explicit SnapshotProducer(Properties summary) : summary_(std::move(summary)) {}

  // Starts an attempt on `metadata` and reads the manifest list of its current snapshot.
  Status Begin(const UpdateContext& context, const TableMetadata& metadata);

  // Unset before the first attempt.
  std::optional<int64_t> chosen_snapshot_id() const { return snapshot_id_; }

  // Valid after Begin.
  int64_t snapshot_id() const { return *snapshot_id_; }
  int64_t sequence_number() const { return sequence_number_; }
  // Those of the current snapshot that have live files, counts filled in.
  const std::vector<ManifestFile>& parent_manifests() const { return parent_manifests_; }

  // Writes entries of one spec and content into a new manifest.
  Result<ManifestFile> WriteManifest(const UpdateContext& context, const TableMetadata& metadata,
                                     int32_t spec_id, ManifestContent content,
                                     const std::vector<ManifestEntry>& entries);

  // Names new data files in manifests of bounded size, by spec; with the data sequence number of
  // older rows that they hold, else that of the snapshot. In later attempts the ones written first
  // serve again if schema and specs are the same.
  Result<std::vector<ManifestFile>> AddFiles(const UpdateContext& context,
                                             const TableMetadata& metadata,
                                             const std::vector<DataFile>& files,
                                             std::optional<int64_t> data_sequence_number = {});

  // Writes the manifest list and makes the snapshot the current one of `metadata`.
  Status Commit(const UpdateContext& context, TableMetadata& metadata, const std::string& operation,
                const SnapshotChanges& changes, const std::vector<ManifestFile>& manifests);

  // See TableUpdate::Unused.
  std::vector<std::string> Unused(const TableMetadata* committed) const;

 private:
  Properties summary_;
  std::optional<Uuid> uuid_;  // in the names of files
  std::optional<int64_t> snapshot_id_;
  int64_t sequence_number_ = 0;
  int attempt_ = 0;
  int manifests_written_ = 0;
  std::vector<ManifestFile> parent_manifests_;
  SnapshotTotals parent_totals_;
  std::vector<ManifestFile> added_manifests_;
  std::optional<int32_t> added_schema_id_;
  std::set<std::string> written_;
  // Manifests named by each manifest list that was written.
  std::map<std::string, std::set<std::string>> named_by_list_;
};

// The row of a manifest of this snapshot, written in an earlier attempt, with the sequence number
// of the present one.
ManifestFile Renumbered(ManifestFile manifest, int64_t sequence_number);

// kInvalidArgument unless the files are data files, each named once, with the partition values
// their spec asks for.
Status CheckNewFiles(const TableMetadata& metadata, const std::vector<DataFile>& files);

// Reads an integer property; `if_absent` without it. kInvalidArgument, naming it, if it is no
// positive integer.
Result<int64_t> PositiveProperty(const TableMetadata& metadata, const std::string& name,
                                 int64_t if_absent);

// Makes a known snapshot the current one: reference "main", log and time.
void SetCurrentSnapshot(TableMetadata& metadata, int64_t snapshot_id, int64_t timestamp_ms);

// The time of a change: not before any earlier change, also when the clock was set back.
int64_t ChangeTimeMs(const Clock& clock, const TableMetadata& metadata);

}  // namespace octolake::iceberg
