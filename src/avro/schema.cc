#include "avro/schema.h"

#include <array>

namespace octolake::avro {
namespace {

constexpr std::array<std::string_view, 15> kTypeNames = {
    "null",  "boolean", "int",    "long",  "float", "double", "bytes",     "string",
    "fixed", "enum",    "record", "array", "map",   "union",  "named type"};

}  // namespace

std::string_view TypeName(Type type) { return kTypeNames[static_cast<size_t>(type)]; }

SchemaPtr Primitive(Type type) {
  auto schema = std::make_shared<Schema>();
  schema->type = type;
  return schema;
}

SchemaPtr LogicalType(Type type, std::string logical_type, std::optional<bool> adjust_to_utc) {
  auto schema = std::make_shared<Schema>();
  schema->type = type;
  schema->logical_type = std::move(logical_type);
  schema->adjust_to_utc = adjust_to_utc;
  return schema;
}

SchemaPtr FixedOf(std::string name, int64_t size, std::string logical_type) {
  auto schema = std::make_shared<Schema>();
  schema->type = Type::kFixed;
  schema->name = std::move(name);
  schema->size = size;
  schema->logical_type = std::move(logical_type);
  return schema;
}

SchemaPtr DecimalOfFixed(std::string name, int64_t size, int32_t precision, int32_t scale) {
  auto schema = std::make_shared<Schema>();
  schema->type = Type::kFixed;
  schema->name = std::move(name);
  schema->size = size;
  schema->logical_type = "decimal";
  schema->precision = precision;
  schema->scale = scale;
  return schema;
}

SchemaPtr EnumOf(std::string name, std::vector<std::string> symbols) {
  auto schema = std::make_shared<Schema>();
  schema->type = Type::kEnum;
  schema->name = std::move(name);
  schema->symbols = std::move(symbols);
  return schema;
}

SchemaPtr RecordOf(std::string name, std::vector<Field> fields) {
  auto schema = std::make_shared<Schema>();
  schema->type = Type::kRecord;
  schema->name = std::move(name);
  schema->fields = std::move(fields);
  return schema;
}

SchemaPtr ArrayOf(SchemaPtr items, std::optional<int32_t> element_id) {
  auto schema = std::make_shared<Schema>();
  schema->type = Type::kArray;
  schema->items = std::move(items);
  schema->element_id = element_id;
  return schema;
}

SchemaPtr MapOf(SchemaPtr values, std::optional<int32_t> key_id, std::optional<int32_t> value_id) {
  auto schema = std::make_shared<Schema>();
  schema->type = Type::kMap;
  schema->items = std::move(values);
  schema->key_id = key_id;
  schema->value_id = value_id;
  return schema;
}

SchemaPtr MapAsArray(SchemaPtr key, int32_t key_id, SchemaPtr value, int32_t value_id) {
  auto schema = std::make_shared<Schema>();
  schema->type = Type::kArray;
  schema->logical_type = "map";
  schema->items = RecordOf("k" + std::to_string(key_id) + "_v" + std::to_string(value_id),
                           {RequiredField("key", std::move(key), key_id),
                            RequiredField("value", std::move(value), value_id)});
  return schema;
}

SchemaPtr UnionOf(std::vector<SchemaPtr> branches) {
  auto schema = std::make_shared<Schema>();
  schema->type = Type::kUnion;
  schema->branches = std::move(branches);
  return schema;
}

SchemaPtr OptionalOf(SchemaPtr schema) {
  return UnionOf({Primitive(Type::kNull), std::move(schema)});
}

Field RequiredField(std::string name, SchemaPtr schema, std::optional<int32_t> field_id,
                    std::string doc) {
  Field field;
  field.name = std::move(name);
  field.schema = std::move(schema);
  field.field_id = field_id;
  field.doc = std::move(doc);
  return field;
}

Field OptionalField(std::string name, SchemaPtr schema, std::optional<int32_t> field_id,
                    std::string doc) {
  Field field =
      RequiredField(std::move(name), OptionalOf(std::move(schema)), field_id, std::move(doc));
  field.default_json = "null";
  return field;
}

std::optional<size_t> FindField(const Schema& record, std::string_view name) {
  for (size_t i = 0; i < record.fields.size(); ++i) {
    if (record.fields[i].name == name) return i;
  }
  return std::nullopt;
}

std::optional<size_t> FindFieldById(const Schema& record, int32_t field_id) {
  for (size_t i = 0; i < record.fields.size(); ++i) {
    if (record.fields[i].field_id == field_id) return i;
  }
  return std::nullopt;
}

const Schema& WithoutNull(const Schema& schema) {
  if (schema.type != Type::kUnion || schema.branches.size() != 2) return schema;
  if (schema.branches[0]->type == Type::kNull) return *schema.branches[1];
  if (schema.branches[1]->type == Type::kNull) return *schema.branches[0];
  return schema;
}

}  // namespace octolake::avro
