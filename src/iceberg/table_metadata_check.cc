#include "iceberg/table_metadata_check.h"

#include <algorithm>
#include <set>
#include <string>

namespace octolake::iceberg {
namespace {

constexpr int32_t kFirstPartitionFieldId = 1000;
// Clocks of different committers may differ; the reference implementation allows as much.
constexpr int64_t kClockToleranceMs = 60'000;
// Of the year 9999. Differences and sums of times within 1970 and then stay far within 64 bits.
constexpr int64_t kLastTimeMs = 253'402'300'799'999;
// Sequence numbers count commits; the next one must be a number, too.
constexpr int64_t kLastSequenceNumber = int64_t{1} << 62;

std::string Text(int64_t number) { return std::to_string(number); }

Status CheckFields(const Type& type, std::set<int32_t>& ids, const std::string& place,
                   ErrorKind kind) {
  std::set<std::string> names;
  for (const Field& field : type.fields) {
    const std::string name = place + field.name;
    if (field.id < 1) {
      return MakeError(
          kind, "column '" + name + "' has the field id " + Text(field.id) + "; ids are 1 and up");
    }
    if (!ids.insert(field.id).second) {
      return MakeError(kind,
                       "column '" + name + "' has the field id of another, " + Text(field.id));
    }
    if (field.name.empty()) {
      return MakeError(kind, "the column with field id " + Text(field.id) + " has no name");
    }
    if (!names.insert(field.name).second) {
      return MakeError(kind, "two columns are named '" + name + "'");
    }
    if (!field.type) return MakeError(kind, "column '" + name + "' has no type");
    if (!field.type->is_primitive()) OCTO_TRY(CheckFields(*field.type, ids, name + ".", kind));
  }
  return {};
}

// Whether a field can identify rows: required in every struct down to it, in no list or map.
bool IsRequiredLeaf(const std::vector<Field>& fields, int32_t id) {
  for (const Field& field : fields) {
    if (!field.required) continue;
    if (field.id == id) {
      return field.type->is_primitive() && field.type->id != TypeId::kFloat &&
             field.type->id != TypeId::kDouble;
    }
    if (field.type->id == TypeId::kStruct && IsRequiredLeaf(field.type->fields, id)) return true;
  }
  return false;
}

// A value in a list or map has no place in a partition or an order.
bool IsInsideRepeated(const std::vector<Field>& fields, int32_t id) {
  for (const Field& field : fields) {
    if (field.type->is_primitive()) continue;
    const bool repeated = field.type->id != TypeId::kStruct;
    Schema inner;
    inner.fields = field.type->fields;
    if (inner.FindById(id) == nullptr) continue;
    return repeated || IsInsideRepeated(field.type->fields, id);
  }
  return false;
}

Status CheckSource(const Schema& schema, int32_t source_id, const Transform& transform,
                   const std::string& what, ErrorKind kind) {
  const Field* source = schema.FindById(source_id);
  if (source == nullptr) {
    if (transform.kind == Transform::Kind::kVoid) return {};  // its column may have been dropped
    return MakeError(kind, what + ": schema " + Text(schema.schema_id) +
                               " has no column with the source id " + Text(source_id));
  }
  if (IsInsideRepeated(schema.fields, source_id)) {
    return MakeError(kind, what + ": column '" + source->name + "' is inside a list or map");
  }
  if (auto result = transform.ResultType(source->type); !result) {
    return MakeError(kind, what + ": column '" + source->name + "': " + result.error().message);
  }
  return {};
}

template <typename Items, typename Id>
Status CheckUnique(const Items& items, Id id, const std::string& what) {
  std::set<int64_t> seen;
  for (const auto& item : items) {
    if (!seen.insert(id(item)).second) {
      return MakeError(ErrorKind::kCorruption, what + " " + Text(id(item)) + " appears twice");
    }
  }
  return {};
}

Status CheckSchemas(const TableMetadata& metadata) {
  OCTO_TRY(CheckUnique(
      metadata.schemas, [](const Schema& s) { return s.schema_id; }, "schemas: schema"));
  for (const Schema& schema : metadata.schemas) {
    if (auto checked = CheckSchema(schema, ErrorKind::kCorruption); !checked) {
      return WithContext(std::move(checked).error(), "schema " + Text(schema.schema_id));
    }
    if (schema.HighestId() > metadata.last_column_id) {
      return MakeError(ErrorKind::kCorruption, "last-column-id: is " +
                                                   Text(metadata.last_column_id) + ", but schema " +
                                                   Text(schema.schema_id) + " has the field id " +
                                                   Text(schema.HighestId()));
    }
  }
  if (metadata.FindSchema(metadata.current_schema_id) == nullptr) {
    return MakeError(ErrorKind::kCorruption,
                     "current-schema-id: there is no schema " + Text(metadata.current_schema_id));
  }
  return {};
}

Status CheckSpecs(const TableMetadata& metadata) {
  OCTO_TRY(CheckUnique(
      metadata.partition_specs, [](const PartitionSpec& s) { return s.spec_id; },
      "partition-specs: spec"));
  for (const PartitionSpec& spec : metadata.partition_specs) {
    for (const PartitionField& field : spec.fields) {
      if (field.field_id <= metadata.last_partition_id) continue;
      return MakeError(ErrorKind::kCorruption, "last-partition-id: is " +
                                                   Text(metadata.last_partition_id) +
                                                   ", but partition spec " + Text(spec.spec_id) +
                                                   " has the field id " + Text(field.field_id));
    }
  }
  const PartitionSpec* spec = metadata.FindSpec(metadata.default_spec_id);
  if (spec == nullptr) {
    return MakeError(ErrorKind::kCorruption, "default-spec-id: there is no partition spec " +
                                                 Text(metadata.default_spec_id));
  }
  // Older specs may speak of columns that are gone.
  return CheckSpec(metadata.CurrentSchema(), *spec, ErrorKind::kCorruption);
}

Status CheckSortOrders(const TableMetadata& metadata) {
  OCTO_TRY(CheckUnique(
      metadata.sort_orders, [](const SortOrder& o) { return o.order_id; },
      "sort-orders: sort order"));
  for (const SortOrder& order : metadata.sort_orders) {
    if (order.order_id != metadata.default_sort_order_id) continue;
    return CheckSortOrder(metadata.CurrentSchema(), order, ErrorKind::kCorruption);
  }
  return MakeError(ErrorKind::kCorruption, "default-sort-order-id: there is no sort order " +
                                               Text(metadata.default_sort_order_id));
}

Status CheckTime(int64_t time_ms, const std::string& what) {
  if (time_ms >= 0 && time_ms <= kLastTimeMs) return {};
  return MakeError(ErrorKind::kCorruption,
                   what + ": " + Text(time_ms) + " ms is no time between 1970 and 9999");
}

Status CheckSnapshots(const TableMetadata& metadata) {
  OCTO_TRY(CheckUnique(
      metadata.snapshots, [](const Snapshot& s) { return s.snapshot_id; }, "snapshots: snapshot"));
  for (const Snapshot& snapshot : metadata.snapshots) {
    const std::string what = "snapshot " + Text(snapshot.snapshot_id);
    OCTO_TRY(CheckTime(snapshot.timestamp_ms, what + ": timestamp-ms"));
    if (snapshot.sequence_number > metadata.last_sequence_number) {
      return MakeError(ErrorKind::kCorruption,
                       what + ": its sequence number " + Text(snapshot.sequence_number) +
                           " is above last-sequence-number " + Text(metadata.last_sequence_number));
    }
    if (snapshot.schema_id && metadata.FindSchema(*snapshot.schema_id) == nullptr) {
      return MakeError(ErrorKind::kCorruption,
                       what + ": there is no schema " + Text(*snapshot.schema_id));
    }
  }
  if (metadata.current_snapshot_id && metadata.CurrentSnapshot() == nullptr) {
    return MakeError(ErrorKind::kCorruption, "current-snapshot-id: there is no snapshot " +
                                                 Text(*metadata.current_snapshot_id));
  }
  for (const auto& [name, ref] : metadata.refs) {
    if (metadata.FindSnapshot(ref.snapshot_id) != nullptr) continue;
    return MakeError(ErrorKind::kCorruption,
                     "refs: '" + name + "': there is no snapshot " + Text(ref.snapshot_id));
  }
  const auto main = metadata.refs.find("main");
  const bool has_main = main != metadata.refs.end();
  if (has_main && !main->second.is_branch) {
    return MakeError(ErrorKind::kCorruption, "refs: 'main' must be a branch, found a tag");
  }
  if (has_main && metadata.current_snapshot_id != main->second.snapshot_id) {
    return MakeError(ErrorKind::kCorruption, "refs: 'main' is snapshot " +
                                                 Text(main->second.snapshot_id) +
                                                 ", but current-snapshot-id is " +
                                                 Text(metadata.current_snapshot_id.value_or(-1)));
  }
  return {};
}

template <typename Entry>
Status CheckLog(const std::vector<Entry>& log, int64_t last_updated_ms, const std::string& what) {
  for (size_t i = 0; i < log.size(); ++i) {
    OCTO_TRY(CheckTime(log[i].timestamp_ms, what + "[" + std::to_string(i) + "]"));
    if (i == 0) continue;
    if (log[i].timestamp_ms >= log[i - 1].timestamp_ms - kClockToleranceMs) continue;
    return MakeError(ErrorKind::kCorruption, what + "[" + std::to_string(i) + "]: its time " +
                                                 Text(log[i].timestamp_ms) +
                                                 " ms is before that of the entry before it, " +
                                                 Text(log[i - 1].timestamp_ms) + " ms");
  }
  if (!log.empty() && log.back().timestamp_ms > last_updated_ms + kClockToleranceMs) {
    return MakeError(ErrorKind::kCorruption, what + ": ends at " + Text(log.back().timestamp_ms) +
                                                 " ms, after last-updated-ms " +
                                                 Text(last_updated_ms));
  }
  return {};
}

}  // namespace

Status CheckSchema(const Schema& schema, ErrorKind kind) {
  Type root;
  root.id = TypeId::kStruct;
  root.fields = schema.fields;
  std::set<int32_t> ids;
  OCTO_TRY(CheckFields(root, ids, "", kind));
  for (const int32_t id : schema.identifier_field_ids) {
    if (IsRequiredLeaf(schema.fields, id)) continue;
    return MakeError(kind, "identifier field " + Text(id) +
                               " is no required column of a primitive type other than float and "
                               "double");
  }
  return {};
}

Status CheckSpec(const Schema& schema, const PartitionSpec& spec, ErrorKind kind) {
  std::set<int32_t> ids;
  std::set<std::string> names;
  for (const PartitionField& field : spec.fields) {
    const std::string what =
        "partition spec " + Text(spec.spec_id) + ", field '" + field.name + "'";
    if (field.field_id < kFirstPartitionFieldId) {
      return MakeError(kind, what + ": field ids are 1000 and up, found " + Text(field.field_id));
    }
    if (!ids.insert(field.field_id).second) {
      return MakeError(kind, what + ": has the field id of another, " + Text(field.field_id));
    }
    if (field.name.empty() || !names.insert(field.name).second) {
      return MakeError(kind, what + ": names must not be empty nor appear twice");
    }
    OCTO_TRY(CheckSource(schema, field.source_id, field.transform, what, kind));
  }
  return {};
}

// A partition column beside the table's own of the same name would be ambiguous in a query.
Status CheckSpecNames(const Schema& schema, const PartitionSpec& spec, ErrorKind kind) {
  for (const PartitionField& field : spec.fields) {
    const Field* column = schema.FindByName(field.name);
    if (column == nullptr) continue;
    const bool own =
        field.transform.kind == Transform::Kind::kIdentity && column->id == field.source_id;
    if (own) continue;
    return MakeError(kind, "partition field '" + field.name + "' (" + field.transform.ToString() +
                               ") has the name of a column; name it differently, for example '" +
                               field.name + "_" + field.transform.ToString() + "'");
  }
  return {};
}

Status CheckSortOrder(const Schema& schema, const SortOrder& order, ErrorKind kind) {
  const std::string what = "sort order " + Text(order.order_id);
  if ((order.order_id == 0) != order.fields.empty()) {
    return MakeError(kind, what + ": order 0, and only it, has no fields");
  }
  for (const SortField& field : order.fields) {
    OCTO_TRY(CheckSource(schema, field.source_id, field.transform, what, kind));
  }
  return {};
}

Status CheckTableMetadata(const TableMetadata& metadata) {
  OCTO_TRY(CheckTime(metadata.last_updated_ms, "last-updated-ms"));
  if (metadata.last_sequence_number < 0 || metadata.last_sequence_number > kLastSequenceNumber) {
    return MakeError(ErrorKind::kCorruption, "last-sequence-number: no table can have had " +
                                                 Text(metadata.last_sequence_number) + " commits");
  }
  OCTO_TRY(CheckSchemas(metadata));
  OCTO_TRY(CheckSpecs(metadata));
  OCTO_TRY(CheckSortOrders(metadata));
  OCTO_TRY(CheckSnapshots(metadata));
  OCTO_TRY(CheckLog(metadata.snapshot_log, metadata.last_updated_ms, "snapshot-log"));
  return CheckLog(metadata.metadata_log, metadata.last_updated_ms, "metadata-log");
}

}  // namespace octolake::iceberg
