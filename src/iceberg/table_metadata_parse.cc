// Reads table metadata as any engine wrote it: unknown members are ignored, optional ones may be
// missing, and what is there must hold together.
#include <utility>

#include "base/json_nesting.h"
#include "base/json_text.h"
#include "base/uuid.h"
#include "iceberg/schema_json.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_metadata_check.h"

namespace octolake::iceberg {
namespace {

constexpr int32_t kSupportedVersion = 2;
constexpr int64_t kNoSnapshot = -1;  // how the reference implementation writes an empty table

Status CheckVersion(const JsonObject& json) {
  OCTO_ASSIGN(const int32_t version, json.Int("format-version"));
  if (version == kSupportedVersion) return {};
  const std::string found = "format-version: expected 2, found " + std::to_string(version);
  if (version == 1) {
    return MakeError(ErrorKind::kUnsupported,
                     found +
                         "; upgrade the table first, for example in Spark by ALTER TABLE ... "
                         "SET TBLPROPERTIES ('format-version'='2')");
  }
  if (version == 3) {
    return MakeError(ErrorKind::kUnsupported,
                     found +
                         "; tables cannot be downgraded: copy its rows to a table of version 2, "
                         "or use a program that knows version 3");
  }
  return MakeError(ErrorKind::kUnsupported, found + "; no such version is known to this program");
}

Result<Properties> PropertiesFromJson(const JsonObject& parent, std::string_view key) {
  Properties properties;
  const Json* member = parent.Find(key);
  if (member == nullptr) return properties;
  if (!member->is_object()) return parent.Bad(key, "an object");
  for (const auto& [name, value] : member->items()) {
    if (!value.is_string()) {
      return MakeError(ErrorKind::kCorruption, parent.PlaceOf(key) + "." + name +
                                                   ": expected a string, found " +
                                                   JsonObject::Describe(value));
    }
    properties.emplace(name, value.get_ref<const std::string&>());
  }
  return properties;
}

Result<Snapshot> SnapshotFromJson(const JsonObject& json) {
  Snapshot snapshot;
  OCTO_ASSIGN(snapshot.snapshot_id, json.Long("snapshot-id"));
  OCTO_ASSIGN(snapshot.parent_snapshot_id, json.OptionalLong("parent-snapshot-id"));
  if (snapshot.parent_snapshot_id == kNoSnapshot) snapshot.parent_snapshot_id.reset();
  // Missing in snapshots from before an upgrade to version 2.
  OCTO_ASSIGN(const auto sequence_number, json.OptionalLong("sequence-number"));
  snapshot.sequence_number = sequence_number.value_or(0);
  OCTO_ASSIGN(snapshot.timestamp_ms, json.Long("timestamp-ms"));
  if (json.Find("manifest-list") == nullptr && json.Find("manifests") != nullptr) {
    return MakeError(ErrorKind::kUnsupported,
                     json.place() +
                         ": names its manifests itself, without a manifest list, as only "
                         "format version 1 did; expire the snapshot first");
  }
  OCTO_ASSIGN(snapshot.manifest_list, json.String("manifest-list"));
  OCTO_ASSIGN(snapshot.summary, PropertiesFromJson(json, "summary"));
  OCTO_ASSIGN(snapshot.schema_id, json.OptionalInt("schema-id"));
  return snapshot;
}

Result<SnapshotRef> RefFromJson(const JsonObject& json) {
  SnapshotRef ref;
  OCTO_ASSIGN(ref.snapshot_id, json.Long("snapshot-id"));
  OCTO_ASSIGN(const std::string type, json.String("type"));
  if (type != "branch" && type != "tag") return json.Bad("type", "'branch' or 'tag'");
  ref.is_branch = type == "branch";
  OCTO_ASSIGN(ref.min_snapshots_to_keep, json.OptionalInt("min-snapshots-to-keep"));
  OCTO_ASSIGN(ref.max_snapshot_age_ms, json.OptionalLong("max-snapshot-age-ms"));
  OCTO_ASSIGN(ref.max_ref_age_ms, json.OptionalLong("max-ref-age-ms"));
  return ref;
}

Status ReadSchemasAndSpecs(const JsonObject& json, TableMetadata& metadata) {
  OCTO_ASSIGN(metadata.last_column_id, json.Int("last-column-id"));
  OCTO_ASSIGN(metadata.current_schema_id, json.Int("current-schema-id"));
  OCTO_TRY(json.EachObject("schemas", true, [&](const JsonObject& member) -> Status {
    OCTO_ASSIGN(Schema schema, SchemaFromJson(member));
    metadata.schemas.push_back(std::move(schema));
    return {};
  }));
  OCTO_ASSIGN(metadata.default_spec_id, json.Int("default-spec-id"));
  OCTO_ASSIGN(metadata.last_partition_id, json.Int("last-partition-id"));
  OCTO_TRY(json.EachObject("partition-specs", true, [&](const JsonObject& member) -> Status {
    OCTO_ASSIGN(PartitionSpec spec, PartitionSpecFromJson(member));
    metadata.partition_specs.push_back(std::move(spec));
    return {};
  }));
  OCTO_ASSIGN(metadata.default_sort_order_id, json.Int("default-sort-order-id"));
  return json.EachObject("sort-orders", true, [&](const JsonObject& member) -> Status {
    OCTO_ASSIGN(SortOrder order, SortOrderFromJson(member));
    metadata.sort_orders.push_back(std::move(order));
    return {};
  });
}

Status ReadRefs(const JsonObject& json, TableMetadata& metadata) {
  const Json* refs = json.Find("refs");
  if (refs == nullptr) {
    // Writers from before branches and tags.
    if (metadata.current_snapshot_id) {
      SnapshotRef& main = metadata.refs["main"];
      main.snapshot_id = *metadata.current_snapshot_id;
      main.is_branch = true;
    }
    return {};
  }
  if (!refs->is_object()) return json.Bad("refs", "an object");
  for (const auto& [name, value] : refs->items()) {
    OCTO_ASSIGN(const JsonObject member, JsonObject::Of(value, "refs." + name));
    OCTO_ASSIGN(metadata.refs[name], RefFromJson(member));
  }
  return {};
}

Status ReadSnapshots(const JsonObject& json, TableMetadata& metadata) {
  OCTO_ASSIGN(metadata.current_snapshot_id, json.OptionalLong("current-snapshot-id"));
  if (metadata.current_snapshot_id == kNoSnapshot) metadata.current_snapshot_id.reset();
  OCTO_TRY(json.EachObject("snapshots", false, [&](const JsonObject& member) -> Status {
    OCTO_ASSIGN(Snapshot snapshot, SnapshotFromJson(member));
    metadata.snapshots.push_back(std::move(snapshot));
    return {};
  }));
  OCTO_TRY(json.EachObject("snapshot-log", false, [&](const JsonObject& member) -> Status {
    SnapshotLogEntry entry;
    OCTO_ASSIGN(entry.timestamp_ms, member.Long("timestamp-ms"));
    OCTO_ASSIGN(entry.snapshot_id, member.Long("snapshot-id"));
    metadata.snapshot_log.push_back(entry);
    return {};
  }));
  OCTO_TRY(json.EachObject("metadata-log", false, [&](const JsonObject& member) -> Status {
    MetadataLogEntry entry;
    OCTO_ASSIGN(entry.timestamp_ms, member.Long("timestamp-ms"));
    OCTO_ASSIGN(entry.metadata_file, member.String("metadata-file"));
    metadata.metadata_log.push_back(std::move(entry));
    return {};
  }));
  return ReadRefs(json, metadata);
}

Result<std::string> RawArray(const JsonObject& json, std::string_view key) {
  const Json* member = json.Find(key);
  if (member == nullptr) return std::string("[]");
  if (!member->is_array()) return json.Bad(key, "an array");
  return JsonText(*member);
}

Result<TableMetadata> Read(const JsonObject& json) {
  OCTO_TRY(CheckVersion(json));
  TableMetadata metadata;
  OCTO_ASSIGN(metadata.table_uuid, json.String("table-uuid"));
  if (!Uuid::Parse(metadata.table_uuid)) return json.Bad("table-uuid", "a UUID");
  OCTO_ASSIGN(metadata.location, json.String("location"));
  if (metadata.location.empty()) return json.Bad("location", "a location");
  OCTO_ASSIGN(metadata.last_sequence_number, json.Long("last-sequence-number"));
  OCTO_ASSIGN(metadata.last_updated_ms, json.Long("last-updated-ms"));
  OCTO_TRY(ReadSchemasAndSpecs(json, metadata));
  OCTO_ASSIGN(metadata.properties, PropertiesFromJson(json, "properties"));
  OCTO_TRY(ReadSnapshots(json, metadata));
  OCTO_ASSIGN(metadata.statistics_json, RawArray(json, "statistics"));
  OCTO_ASSIGN(metadata.partition_statistics_json, RawArray(json, "partition-statistics"));
  OCTO_TRY(CheckTableMetadata(metadata));
  return metadata;
}

}  // namespace

Result<TableMetadata> ParseTableMetadata(std::string_view json, std::string_view where) {
  const std::string context = "table metadata " + std::string(where);
  if (IsNestedTooDeeply(json)) {
    return MakeError(ErrorKind::kUnsupported, context + ": its JSON is nested more than " +
                                                  std::to_string(kMaxJsonNesting) + " levels deep");
  }
  const Json document = Json::parse(json, nullptr, false);
  if (document.is_discarded()) {
    return MakeError(ErrorKind::kCorruption, context + ": not well-formed JSON (" +
                                                 std::to_string(json.size()) +
                                                 " bytes); the file is damaged or cut short");
  }
  auto object = JsonObject::Of(document, "");
  if (!object) return WithContext(std::move(object).error(), context);
  auto metadata = Read(*object);
  if (!metadata) return WithContext(std::move(metadata).error(), context);
  return metadata;
}

}  // namespace octolake::iceberg
