// Writes table metadata with the keys, and in the order, of the reference implementation.
#include <algorithm>
#include <string_view>
#include <utility>

#include "base/json_text.h"
#include "iceberg/schema_json.h"
#include "iceberg/table_metadata.h"

namespace octolake::iceberg {
namespace {

// The logs of a long history take about as much; the text must not move for them.
constexpr size_t kRoomBehindSnapshots = size_t{64} << 10;
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

// Snapshots and their log are most of the file and written at every commit, so that their text is
// made without values in between.
class ObjectText {
 public:
  explicit ObjectText(std::string& out) : out_(out) { out_ += '{'; }
  void Close() { out_ += '}'; }
  void Name(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    Text(name);
    out_ += ':';
  }
  void Add(std::string_view name, int64_t value) {
    Name(name);
    out_ += std::to_string(value);
  }
  void Add(std::string_view name, const std::string& value) {
    Name(name);
    Text(value);
  }

 private:
  void Text(std::string_view text) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
      return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    });
    if (plain) {
      out_.append("\"").append(text).append("\"");
    } else {
      out_ += JsonText(OrderedJson(std::string(text)));
    }
  }

  std::string& out_;
  bool first_ = true;
};

void WriteSnapshot(const Snapshot& snapshot, std::string& out) {
  ObjectText json(out);
  // Snapshots from before an upgrade to version 2 have none.
  if (snapshot.sequence_number > 0) json.Add("sequence-number", snapshot.sequence_number);
  json.Add("snapshot-id", snapshot.snapshot_id);
  if (snapshot.parent_snapshot_id) json.Add("parent-snapshot-id", *snapshot.parent_snapshot_id);
  json.Add("timestamp-ms", snapshot.timestamp_ms);
  if (!snapshot.summary.empty()) {
    json.Name("summary");
    ObjectText summary(out);
    const auto operation = snapshot.summary.find("operation");
    if (operation != snapshot.summary.end()) summary.Add("operation", operation->second);
    for (const auto& [key, value] : snapshot.summary) {
      if (key != "operation") summary.Add(key, value);
    }
    summary.Close();
  }
  json.Add("manifest-list", snapshot.manifest_list);
  if (snapshot.schema_id) json.Add("schema-id", int64_t{*snapshot.schema_id});
  json.Close();
}

void WriteLogEntry(const SnapshotLogEntry& entry, std::string& out) {
  ObjectText json(out);
  json.Add("timestamp-ms", entry.timestamp_ms);
  json.Add("snapshot-id", entry.snapshot_id);
  json.Close();
}

template <typename Items, typename Write>
void WriteArray(const Items& items, Write write, std::string& out) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!std::exchange(first, false)) out += ',';
    write(item, out);
  }
  out += ']';
}

// The members of an object as text, without its braces.
std::string MembersText(const OrderedJson& json) {
  std::string text = JsonText(json);
  return text.substr(1, text.size() - 2);
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

void SnapshotList::AppendJson(std::string& out) const {
  size_t size = 2;
  for (const auto& item : items_) {
    std::call_once(item->made, [&] { WriteSnapshot(item->snapshot, item->json); });
    size += item->json.size() + 1;
  }
  out.reserve(out.size() + size + kRoomBehindSnapshots);
  const auto append = [](const auto& item, std::string& text) { text += item->json; };
  WriteArray(items_, append, out);
}

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
  std::string text = "{" + MembersText(json) + ",\"snapshots\":";
  metadata.snapshots.AppendJson(text);
  OrderedJson statistics = OrderedJson::object();
  statistics["statistics"] = RawArray(metadata.statistics_json);
  statistics["partition-statistics"] = RawArray(metadata.partition_statistics_json);
  text.append(",").append(MembersText(statistics)).append(",\"snapshot-log\":");
  WriteArray(metadata.snapshot_log, WriteLogEntry, text);
  OrderedJson log = OrderedJson::object();
  log["metadata-log"] = ArrayOf(metadata.metadata_log, MetadataLogEntryToJson);
  text.append(",").append(MembersText(log)).append("}");
  return text;
}

}  // namespace octolake::iceberg
