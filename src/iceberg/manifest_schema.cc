#include "iceberg/manifest_schema.h"

#include <utility>
#include <vector>

#include "base/json_text.h"
#include "iceberg/literal_avro.h"
#include "iceberg/schema_json.h"

namespace octolake::iceberg {
namespace {

using avro::ArrayOf;
using avro::MapAsArray;
using avro::OptionalField;
using avro::RecordOf;
using avro::RequiredField;
using avro::SchemaPtr;

SchemaPtr Boolean() { return avro::Primitive(avro::Type::kBoolean); }
SchemaPtr Int() { return avro::Primitive(avro::Type::kInt); }
SchemaPtr Long() { return avro::Primitive(avro::Type::kLong); }
SchemaPtr Bytes() { return avro::Primitive(avro::Type::kBytes); }
SchemaPtr String() { return avro::Primitive(avro::Type::kString); }

Result<SchemaPtr> PartitionSchema(const Type& partition_type) {
  std::vector<avro::Field> fields;
  for (const Field& field : partition_type.fields) {
    OCTO_ASSIGN(SchemaPtr schema, PrimitiveAvroSchema(*field.type));
    const std::string name = AvroName(field.name);
    avro::Field& added = fields.emplace_back(OptionalField(name, std::move(schema), field.id));
    if (name != field.name) {
      added.attributes.push_back({"iceberg-field-name", JsonText(OrderedJson(field.name))});
    }
  }
  return RecordOf("r102", std::move(fields));
}

SchemaPtr DataFileSchema(SchemaPtr partition) {
  return RecordOf(
      "r2",
      {RequiredField("content", Int(), 134), RequiredField("file_path", String(), 100),
       RequiredField("file_format", String(), 101),
       RequiredField("partition", std::move(partition), 102),
       RequiredField("record_count", Long(), 103), RequiredField("file_size_in_bytes", Long(), 104),
       OptionalField("column_sizes", MapAsArray(Int(), 117, Long(), 118), 108),
       OptionalField("value_counts", MapAsArray(Int(), 119, Long(), 120), 109),
       OptionalField("null_value_counts", MapAsArray(Int(), 121, Long(), 122), 110),
       OptionalField("nan_value_counts", MapAsArray(Int(), 138, Long(), 139), 137),
       OptionalField("lower_bounds", MapAsArray(Int(), 126, Bytes(), 127), 125),
       OptionalField("upper_bounds", MapAsArray(Int(), 129, Bytes(), 130), 128),
       OptionalField("key_metadata", Bytes(), 131),
       OptionalField("split_offsets", ArrayOf(Long(), 133), 132),
       OptionalField("equality_ids", ArrayOf(Int(), 136), 135),
       OptionalField("sort_order_id", Int(), 140),
       OptionalField("referenced_data_file", String(), 143)});
}

}  // namespace

Result<SchemaPtr> ManifestEntrySchema(const Type& partition_type) {
  OCTO_ASSIGN(SchemaPtr partition, PartitionSchema(partition_type));
  return RecordOf("manifest_entry",
                  {RequiredField("status", Int(), 0), OptionalField("snapshot_id", Long(), 1),
                   OptionalField("sequence_number", Long(), 3),
                   OptionalField("file_sequence_number", Long(), 4),
                   RequiredField("data_file", DataFileSchema(std::move(partition)), 2)});
}

SchemaPtr ManifestListSchema() {
  SchemaPtr summary = RecordOf("r508", {RequiredField("contains_null", Boolean(), 509),
                                        OptionalField("contains_nan", Boolean(), 518),
                                        OptionalField("lower_bound", Bytes(), 510),
                                        OptionalField("upper_bound", Bytes(), 511)});
  return RecordOf(
      "manifest_file",
      {RequiredField("manifest_path", String(), 500), RequiredField("manifest_length", Long(), 501),
       RequiredField("partition_spec_id", Int(), 502), RequiredField("content", Int(), 517),
       RequiredField("sequence_number", Long(), 515),
       RequiredField("min_sequence_number", Long(), 516),
       RequiredField("added_snapshot_id", Long(), 503),
       RequiredField("added_files_count", Int(), 504),
       RequiredField("existing_files_count", Int(), 505),
       RequiredField("deleted_files_count", Int(), 506),
       RequiredField("added_rows_count", Long(), 512),
       RequiredField("existing_rows_count", Long(), 513),
       RequiredField("deleted_rows_count", Long(), 514),
       OptionalField("partitions", ArrayOf(std::move(summary), 508), 507),
       OptionalField("key_metadata", Bytes(), 519)});
}

}  // namespace octolake::iceberg
