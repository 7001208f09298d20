// Writes table metadata with the keys, and in the order, of the reference implementation.
#include <utility>

#include "iceberg/schema_json.h"
#include "iceberg/table_metadata.h"

namespace octolake::iceberg {
namespace {

constexpr int64_t kNoSnapshot = -1;  // what version 2 files of the reference implementation have

template <typename Items, typename Write>
OrderedJson ArrayOf(const Items& items, Write write) {
  OrderedJson array = OrderedJson::array();
  for (const auto& item : items) array.push_back(write(item));
  return array;
}

OrderedJson PropertiesToJson(const Properties& properties) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [key, value] : properties) json[key] = value;
  return json;
}

OrderedJson SpecToJson(const PartitionSpec& spec) {
  OrderedJson json = OrderedJson::object();
  json["spec-id"] = spec.spec_id;
  json["fields"] = PartitionFieldsToJsonValue(spec);
  return json;
}

OrderedJson RefToJson(const SnapshotRef& ref) {
  OrderedJson json = OrderedJson::object();
  json["snapshot-id"] = ref.snapshot_id;
  json["type"] = ref.is_branch ? "branch" : "tag";
  if (ref.min_snapshots_to_keep) json["min-snapshots-to-keep"] = *ref.min_snapshots_to_keep;
  if (ref.max_snapshot_age_ms) json["max-snapshot-age-ms"] = *ref.max_snapshot_age_ms;
  if (ref.max_ref_age_ms) json["max-ref-age-ms"] = *ref.max_ref_age_ms;
  return json;
}

OrderedJson SnapshotToJson(const Snapshot& snapshot) {
  OrderedJson json = OrderedJson::object();
  // Snapshots from before an upgrade to version 2 have none.
  if (snapshot.sequence_number > 0) json["sequence-number"] = snapshot.sequence_number;
  json["snapshot-id"] = snapshot.snapshot_id;
  if (snapshot.parent_snapshot_id) json["parent-snapshot-id"] = *snapshot.parent_snapshot_id;
  json["timestamp-ms"] = snapshot.timestamp_ms;
  if (!snapshot.summary.empty()) {
    OrderedJson summary = OrderedJson::object();
    const auto operation = snapshot.summary.find("operation");
    if (operation != snapshot.summary.end()) summary["operation"] = operation->second;
    for (const auto& [key, value] : snapshot.summary) summary[key] = value;
    json["summary"] = std::move(summary);
  }
  json["manifest-list"] = snapshot.manifest_list;
  if (snapshot.schema_id) json["schema-id"] = *snapshot.schema_id;
  return json;
}

OrderedJson LogEntryToJson(const SnapshotLogEntry& entry) {
  OrderedJson json = OrderedJson::object();
  json["timestamp-ms"] = entry.timestamp_ms;
  json["snapshot-id"] = entry.snapshot_id;
  return json;
}

OrderedJson MetadataLogEntryToJson(const MetadataLogEntry& entry) {
  OrderedJson json = OrderedJson::object();
  json["timestamp-ms"] = entry.timestamp_ms;
  json["metadata-file"] = entry.metadata_file;
  return json;
}

// Text that a parse of metadata kept, so it is well-formed.
OrderedJson RawArray(const std::string& text) {
  OrderedJson value = OrderedJson::parse(text, nullptr, false);
  return value.is_array() ? value : OrderedJson::array();
}

}  // namespace

std::string TableMetadataToJson(const TableMetadata& metadata) {
  OrderedJson json = OrderedJson::object();
  json["format-version"] = metadata.format_version;
  json["table-uuid"] = metadata.table_uuid;
  json["location"] = metadata.location;
  json["last-sequence-number"] = metadata.last_sequence_number;
  json["last-updated-ms"] = metadata.last_updated_ms;
  json["last-column-id"] = metadata.last_column_id;
  json["current-schema-id"] = metadata.current_schema_id;
  json["schemas"] = ArrayOf(metadata.schemas, SchemaToJsonValue);
  json["default-spec-id"] = metadata.default_spec_id;
  json["partition-specs"] = ArrayOf(metadata.partition_specs, SpecToJson);
  json["last-partition-id"] = metadata.last_partition_id;
  json["default-sort-order-id"] = metadata.default_sort_order_id;
  json["sort-orders"] = ArrayOf(metadata.sort_orders, SortOrderToJsonValue);
  json["properties"] = PropertiesToJson(metadata.properties);
  json["current-snapshot-id"] = metadata.current_snapshot_id.value_or(kNoSnapshot);
  OrderedJson refs = OrderedJson::object();
  for (const auto& [name, ref] : metadata.refs) refs[name] = RefToJson(ref);
  json["refs"] = std::move(refs);
  json["snapshots"] = ArrayOf(metadata.snapshots, SnapshotToJson);
  json["statistics"] = RawArray(metadata.statistics_json);
  json["partition-statistics"] = RawArray(metadata.partition_statistics_json);
  json["snapshot-log"] = ArrayOf(metadata.snapshot_log, LogEntryToJson);
  json["metadata-log"] = ArrayOf(metadata.metadata_log, MetadataLogEntryToJson);
  return JsonText(json);
}

}  // namespace octolake::iceberg
