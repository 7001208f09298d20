#include "iceberg/manifest_avro.h"

#include <string>
#include <utility>

#include "iceberg/literal_avro.h"

namespace octolake::iceberg {
namespace {

using avro::Value;

Value OptionalLong(const std::optional<int64_t>& value) {
  return value ? Value::Long(*value) : Value::Null();
}

Value OptionalInt(const std::optional<int32_t>& value) {
  return value ? Value::Int(*value) : Value::Null();
}

Value OptionalBytes(const std::optional<std::string>& value) {
  return value ? Value::Bytes(*value) : Value::Null();
}

Value CountsToAvro(const std::map<int32_t, int64_t>& counts) {
  if (counts.empty()) return Value::Null();
  std::vector<Value> items;
  for (const auto& [id, count] : counts) {
    items.push_back(Value::Record({Value::Int(id), Value::Long(count)}));
  }
  return Value::Array(std::move(items));
}

Value BoundsToAvro(const std::map<int32_t, std::string>& bounds) {
  if (bounds.empty()) return Value::Null();
  std::vector<Value> items;
  for (const auto& [id, bound] : bounds) {
    items.push_back(Value::Record({Value::Int(id), Value::Bytes(bound)}));
  }
  return Value::Array(std::move(items));
}

Value OffsetsToAvro(const std::vector<int64_t>& offsets) {
  if (offsets.empty()) return Value::Null();
  std::vector<Value> items;
  for (const int64_t offset : offsets) items.push_back(Value::Long(offset));
  return Value::Array(std::move(items));
}

Value IdsToAvro(const std::vector<int32_t>& ids) {
  if (ids.empty()) return Value::Null();
  std::vector<Value> items;
  for (const int32_t id : ids) items.push_back(Value::Int(id));
  return Value::Array(std::move(items));
}

Result<Value> PartitionToAvro(const Type& partition_type, const DataFile& file) {
  if (file.partition.size() != partition_type.fields.size()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     file.file_path + ": " + std::to_string(file.partition.size()) +
                         " partition values, but its partition spec has " +
                         std::to_string(partition_type.fields.size()) + " fields");
  }
  std::vector<Value> values;
  for (size_t i = 0; i < file.partition.size(); ++i) {
    if (!file.partition[i]) {
      values.push_back(Value::Null());
      continue;
    }
    const Field& field = partition_type.fields[i];
    auto value = LiteralToAvro(*field.type, *file.partition[i]);
    if (!value) {
      return WithContext(std::move(value).error(),
                         file.file_path + ": partition value of '" + field.name + "'");
    }
    values.push_back(*std::move(value));
  }
  return Value::Record(std::move(values));
}

}  // namespace

Result<Value> EntryToAvro(const Type& partition_type, const ManifestEntry& entry) {
  const DataFile& file = entry.data_file;
  OCTO_ASSIGN(Value partition, PartitionToAvro(partition_type, file));
  std::vector<Value> fields;
  fields.push_back(Value::Int(static_cast<int32_t>(file.content)));
  fields.push_back(Value::String(file.file_path));
  fields.push_back(Value::String(file.file_format));
  fields.push_back(std::move(partition));
  fields.push_back(Value::Long(file.record_count));
  fields.push_back(Value::Long(file.file_size_in_bytes));
  fields.push_back(CountsToAvro(file.column_sizes));
  fields.push_back(CountsToAvro(file.value_counts));
  fields.push_back(CountsToAvro(file.null_value_counts));
  fields.push_back(CountsToAvro(file.nan_value_counts));
  fields.push_back(BoundsToAvro(file.lower_bounds));
  fields.push_back(BoundsToAvro(file.upper_bounds));
  fields.push_back(OptionalBytes(file.key_metadata));
  fields.push_back(OffsetsToAvro(file.split_offsets));
  fields.push_back(IdsToAvro(file.equality_ids));
  fields.push_back(OptionalInt(file.sort_order_id));
  fields.push_back(file.referenced_data_file ? Value::String(*file.referenced_data_file)
                                             : Value::Null());
  return Value::Record({Value::Int(static_cast<int32_t>(entry.status)),
                        OptionalLong(entry.snapshot_id), OptionalLong(entry.sequence_number),
                        OptionalLong(entry.file_sequence_number),
                        Value::Record(std::move(fields))});
}

Value ManifestFileToAvro(const ManifestFile& manifest) {
  std::vector<Value> summaries;
  for (const PartitionFieldSummary& summary : manifest.partitions) {
    summaries.push_back(
        Value::Record({Value::Boolean(summary.contains_null),
                       summary.contains_nan ? Value::Boolean(*summary.contains_nan) : Value::Null(),
                       OptionalBytes(summary.lower_bound), OptionalBytes(summary.upper_bound)}));
  }
  return Value::Record(
      {Value::String(manifest.manifest_path), Value::Long(manifest.manifest_length),
       Value::Int(manifest.partition_spec_id), Value::Int(static_cast<int32_t>(manifest.content)),
       Value::Long(manifest.sequence_number), Value::Long(manifest.min_sequence_number),
       Value::Long(manifest.added_snapshot_id), Value::Int(manifest.added_files_count),
       Value::Int(manifest.existing_files_count), Value::Int(manifest.deleted_files_count),
       Value::Long(manifest.added_rows_count), Value::Long(manifest.existing_rows_count),
       Value::Long(manifest.deleted_rows_count), Value::Array(std::move(summaries)),
       OptionalBytes(manifest.key_metadata)});
}

}  // namespace octolake::iceberg
