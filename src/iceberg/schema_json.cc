#include "iceberg/schema_json.h"

#include <string>
#include <utility>

#include "base/json_text.h"
#include "iceberg/table_metadata.h"

namespace octolake::iceberg {
namespace {

// Deeper nesting than this is refused: types are read and written by recursion.
constexpr int kMaxNesting = 64;

OrderedJson TypeToJson(const Type& type);

OrderedJson FieldsToJson(const std::vector<Field>& fields) {
  OrderedJson array = OrderedJson::array();
  for (const Field& field : fields) {
    OrderedJson json = OrderedJson::object();
    json["id"] = field.id;
    json["name"] = field.name;
    json["required"] = field.required;
    json["type"] = TypeToJson(*field.type);
    if (!field.doc.empty()) json["doc"] = field.doc;
    array.push_back(std::move(json));
  }
  return array;
}

OrderedJson TypeToJson(const Type& type) {
  if (type.is_primitive()) return TypeName(type);
  OrderedJson json = OrderedJson::object();
  json["type"] = TypeName(type);
  if (type.id == TypeId::kStruct) {
    json["fields"] = FieldsToJson(type.fields);
  } else if (type.id == TypeId::kList) {
    const Field& element = type.fields[0];
    json["element-id"] = element.id;
    json["element"] = TypeToJson(*element.type);
    json["element-required"] = element.required;
  } else {
    const Field& key = type.fields[0];
    const Field& value = type.fields[1];
    json["key-id"] = key.id;
    json["key"] = TypeToJson(*key.type);
    json["value-id"] = value.id;
    json["value"] = TypeToJson(*value.type);
    json["value-required"] = value.required;
  }
  return json;
}

Result<TypePtr> TypeFromJson(const JsonObject& parent, std::string_view key, int depth);

Result<std::vector<Field>> FieldsFromJson(const JsonObject& json, int depth) {
  std::vector<Field> fields;
  OCTO_TRY(json.EachObject("fields", true, [&](const JsonObject& member) -> Status {
    Field field;
    OCTO_ASSIGN(field.id, member.Int("id"));
    OCTO_ASSIGN(field.name, member.String("name"));
    OCTO_ASSIGN(field.required, member.Boolean("required"));
    OCTO_ASSIGN(field.type, TypeFromJson(member, "type", depth));
    if (member.Find("doc") != nullptr) {
      OCTO_ASSIGN(field.doc, member.String("doc"));
    }
    fields.push_back(std::move(field));
    return {};
  }));
  return fields;
}

Result<Field> PartFromJson(const JsonObject& json, const std::string& name, int depth) {
  Field field;
  field.name = name;
  OCTO_ASSIGN(field.id, json.Int(name + "-id"));
  OCTO_ASSIGN(field.type, TypeFromJson(json, name, depth));
  field.required = true;
  if (name != "key") {
    OCTO_ASSIGN(field.required, json.Boolean(name + "-required"));
  }
  return field;
}

Result<TypePtr> TypeFromJson(const JsonObject& parent, std::string_view key, int depth) {
  if (depth > kMaxNesting) {
    return MakeError(ErrorKind::kUnsupported, parent.PlaceOf(key) +
                                                  ": types are nested more than " +
                                                  std::to_string(kMaxNesting) + " levels deep");
  }
  const Json* value = parent.Find(key);
  if (value == nullptr) return parent.Bad(key, "a type");
  if (value->is_string()) {
    auto primitive = ParsePrimitiveType(value->get_ref<const std::string&>());
    if (!primitive) return WithContext(std::move(primitive).error(), parent.PlaceOf(key));
    return primitive;
  }
  OCTO_ASSIGN(const JsonObject json, JsonObject::Of(*value, parent.PlaceOf(key)));
  OCTO_ASSIGN(const std::string name, json.String("type"));
  auto type = std::make_shared<Type>();
  if (name == "struct") {
    type->id = TypeId::kStruct;
    OCTO_ASSIGN(type->fields, FieldsFromJson(json, depth + 1));
  } else if (name == "list") {
    type->id = TypeId::kList;
    OCTO_ASSIGN(Field element, PartFromJson(json, "element", depth + 1));
    type->fields = {std::move(element)};
  } else if (name == "map") {
    type->id = TypeId::kMap;
    OCTO_ASSIGN(Field key_field, PartFromJson(json, "key", depth + 1));
    OCTO_ASSIGN(Field value_field, PartFromJson(json, "value", depth + 1));
    type->fields = {std::move(key_field), std::move(value_field)};
  } else {
    return json.Bad("type", "struct, list or map");
  }
  return TypePtr(std::move(type));
}

// The member "transform", with its place in the error.
Result<Transform> TransformFromJson(const JsonObject& json) {
  OCTO_ASSIGN(const std::string text, json.String("transform"));
  auto transform = Transform::Parse(text);
  if (!transform) return WithContext(std::move(transform).error(), json.place());
  return transform;
}

// One of two words.
Result<bool> Choice(const JsonObject& json, std::string_view key, std::string_view yes,
                    std::string_view no) {
  OCTO_ASSIGN(const std::string word, json.String(key));
  if (word != yes && word != no) {
    return json.Bad(key, "'" + std::string(yes) + "' or '" + std::string(no) + "'");
  }
  return word == yes;
}

}  // namespace

OrderedJson SchemaToJsonValue(const Schema& schema) {
  OrderedJson json = OrderedJson::object();
  json["type"] = "struct";
  json["schema-id"] = schema.schema_id;
  if (!schema.identifier_field_ids.empty()) {
    json["identifier-field-ids"] = schema.identifier_field_ids;
  }
  json["fields"] = FieldsToJson(schema.fields);
  return json;
}

OrderedJson PartitionFieldsToJsonValue(const PartitionSpec& spec) {
  OrderedJson array = OrderedJson::array();
  for (const PartitionField& field : spec.fields) {
    OrderedJson json = OrderedJson::object();
    json["name"] = field.name;
    json["transform"] = field.transform.ToString();
    json["source-id"] = field.source_id;
    json["field-id"] = field.field_id;
    array.push_back(std::move(json));
  }
  return array;
}

OrderedJson SortOrderToJsonValue(const SortOrder& order) {
  OrderedJson fields = OrderedJson::array();
  for (const SortField& field : order.fields) {
    OrderedJson json = OrderedJson::object();
    json["transform"] = field.transform.ToString();
    json["source-id"] = field.source_id;
    json["direction"] = field.ascending ? "asc" : "desc";
    json["null-order"] = field.nulls_first ? "nulls-first" : "nulls-last";
    fields.push_back(std::move(json));
  }
  OrderedJson json = OrderedJson::object();
  json["order-id"] = order.order_id;
  json["fields"] = std::move(fields);
  return json;
}

Result<Schema> SchemaFromJson(const JsonObject& json) {
  Schema schema;
  // Absent in the schemas of old manifests, which are known by the manifest's own header.
  OCTO_ASSIGN(const auto schema_id, json.OptionalInt("schema-id"));
  schema.schema_id = schema_id.value_or(0);
  OCTO_ASSIGN(schema.fields, FieldsFromJson(json, 0));
  if (const Json* ids = json.Find("identifier-field-ids")) {
    if (!ids->is_array()) return json.Bad("identifier-field-ids", "an array of field ids");
    for (const Json& element : *ids) {
      const auto id = JsonObject::AsLong(element);
      if (!id || *id < 0 || *id > std::numeric_limits<int32_t>::max()) {
        return MakeError(ErrorKind::kCorruption, json.PlaceOf("identifier-field-ids") +
                                                     ": expected a field id, found " +
                                                     JsonObject::Describe(element));
      }
      schema.identifier_field_ids.push_back(static_cast<int32_t>(*id));
    }
  }
  return schema;
}

Result<PartitionSpec> PartitionSpecFromJson(const JsonObject& json) {
  PartitionSpec spec;
  OCTO_ASSIGN(spec.spec_id, json.Int("spec-id"));
  OCTO_TRY(json.EachObject("fields", true, [&](const JsonObject& member) -> Status {
    PartitionField field;
    OCTO_ASSIGN(field.source_id, member.Int("source-id"));
    OCTO_ASSIGN(field.field_id, member.Int("field-id"));
    OCTO_ASSIGN(field.name, member.String("name"));
    OCTO_ASSIGN(field.transform, TransformFromJson(member));
    spec.fields.push_back(std::move(field));
    return {};
  }));
  return spec;
}

Result<SortOrder> SortOrderFromJson(const JsonObject& json) {
  SortOrder order;
  OCTO_ASSIGN(order.order_id, json.Int("order-id"));
  OCTO_TRY(json.EachObject("fields", true, [&](const JsonObject& member) -> Status {
    SortField field;
    OCTO_ASSIGN(field.source_id, member.Int("source-id"));
    OCTO_ASSIGN(field.transform, TransformFromJson(member));
    OCTO_ASSIGN(field.ascending, Choice(member, "direction", "asc", "desc"));
    OCTO_ASSIGN(field.nulls_first, Choice(member, "null-order", "nulls-first", "nulls-last"));
    order.fields.push_back(field);
    return {};
  }));
  return order;
}

std::string SchemaToJson(const Schema& schema) { return JsonText(SchemaToJsonValue(schema)); }

Result<Schema> ParseSchema(std::string_view json) {
  const Json document = Json::parse(json, nullptr, false);
  if (document.is_discarded()) {
    return MakeError(ErrorKind::kCorruption, "the schema is not well-formed JSON");
  }
  OCTO_ASSIGN(const JsonObject object, JsonObject::Of(document, "schema"));
  return SchemaFromJson(object);
}

std::string PartitionFieldsToJson(const PartitionSpec& spec) {
  return JsonText(PartitionFieldsToJsonValue(spec));
}

}  // namespace octolake::iceberg
