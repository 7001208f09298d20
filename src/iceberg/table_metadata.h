// Table metadata, format version 2 ("Table Metadata" in the specification), and its JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/partition.h"
#include "iceberg/snapshot.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

// A branch or a tag.
struct SnapshotRef {
  int64_t snapshot_id = 0;
  bool is_branch = false;
  std::optional<int32_t> min_snapshots_to_keep;
  std::optional<int64_t> max_snapshot_age_ms;
  std::optional<int64_t> max_ref_age_ms;
};

struct SnapshotLogEntry {
  int64_t timestamp_ms = 0;
  int64_t snapshot_id = 0;
};

struct MetadataLogEntry {
  int64_t timestamp_ms = 0;
  std::string metadata_file;  // a location
};

struct TableMetadata {
  int32_t format_version = 2;
  std::string table_uuid;
  std::string location;
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int32_t last_column_id = 0;
  std::vector<Schema> schemas;
  int32_t current_schema_id = 0;
  std::vector<PartitionSpec> partition_specs;
  int32_t default_spec_id = 0;
  int32_t last_partition_id = 999;
  Properties properties;
  std::optional<int64_t> current_snapshot_id;
  SnapshotList snapshots;
  std::vector<SnapshotLogEntry> snapshot_log;
  std::vector<MetadataLogEntry> metadata_log;
  std::vector<SortOrder> sort_orders;
  int32_t default_sort_order_id = 0;
  std::map<std::string, SnapshotRef> refs;
  // Raw JSON arrays kept as they were read; "[]" if absent.
  std::string statistics_json = "[]";
  std::string partition_statistics_json = "[]";

  // The lookups below return null where nothing is found.
  const Schema* FindSchema(int32_t schema_id) const;
  const PartitionSpec* FindSpec(int32_t spec_id) const;
  const Snapshot* FindSnapshot(int64_t snapshot_id) const;
  const Snapshot* CurrentSnapshot() const;
  const Snapshot* FindRef(const std::string& name) const;  // the snapshot of a branch or tag
  // Valid metadata has these; a parsed or created one always does.
  const Schema& CurrentSchema() const;
  const PartitionSpec& DefaultSpec() const;
};

// kUnsupported for format versions other than 2 (1 and 3 are named), kCorruption for anything that
// the specification does not allow; `where` names the file in messages.
Result<TableMetadata> ParseTableMetadata(std::string_view json, std::string_view where);
std::string TableMetadataToJson(const TableMetadata& metadata);

// As they stand in manifests' headers ("schema", "partition-spec") and in the metadata file.
std::string SchemaToJson(const Schema& schema);
Result<Schema> ParseSchema(std::string_view json);
std::string PartitionFieldsToJson(const PartitionSpec& spec);

// What a new table is made of. Field ids of the schema are kept as given (1 and up, unique).
struct NewTable {
  std::string location;
  Schema schema;
  PartitionSpec spec;
  SortOrder sort_order;
  Properties properties;
};
Result<TableMetadata> MakeTableMetadata(const NewTable& table, std::string table_uuid,
                                        int64_t now_ms);

// The snapshot current at a time, by the log. kUnsupported if those of that time have expired.
Result<const Snapshot*> SnapshotAsOf(const TableMetadata& metadata, int64_t timestamp_ms);

// The snapshot and its ancestors that are still known, newest first; none if it is unknown.
std::vector<const Snapshot*> AncestorsOf(const TableMetadata& metadata, int64_t snapshot_id);

// Whether `ancestor` is `snapshot_id` or one of its ancestors that are still known.
bool IsAncestorOf(const TableMetadata& metadata, int64_t ancestor, int64_t snapshot_id);

}  // namespace octolake::iceberg
