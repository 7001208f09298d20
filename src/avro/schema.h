// Avro schemas (Avro 1.12.0 specification, "Schema Declaration") with the attributes that Iceberg
// adds (Iceberg specification, appendix A: field-id, element-id, key-id, value-id, adjust-to-utc).
//
// A schema is an immutable tree shared by pointer; safe to use from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace octolake::avro {

enum class Type : uint8_t {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kFixed,
  kEnum,
  kRecord,
  kArray,
  kMap,
  kUnion,
  kNamed,  // a use of a named type inside its own definition; see Schema::named
};

// As the specification spells it: "null", "boolean", …; "named type" for kNamed.
std::string_view TypeName(Type type);

struct Schema;
using SchemaPtr = std::shared_ptr<const Schema>;

// An attribute that this reader gives no meaning: its name and its value as JSON text. Kept in the
// order read, and printed again.
struct Attribute {
  std::string name;
  std::string json;
};

struct Field {
  std::string name;
  SchemaPtr schema;
  std::optional<int32_t> field_id;          // "field-id"
  std::optional<std::string> default_json;  // "default" as JSON text
  std::string doc;
  std::vector<std::string> aliases;
  std::vector<Attribute> attributes;
};

// Only the members that belong to `type` have a meaning; the others keep their defaults.
struct Schema {
  Type type = Type::kNull;

  std::string name;  // full name of a record, enum or fixed, with its namespace if it has one
  std::string doc;
  std::vector<std::string> aliases;
  std::vector<Field> fields;          // kRecord
  std::vector<std::string> symbols;   // kEnum
  std::string default_symbol;         // kEnum; empty if none
  int64_t size = 0;                   // kFixed, bytes
  SchemaPtr items;                    // kArray: elements; kMap: values
  std::vector<SchemaPtr> branches;    // kUnion
  std::weak_ptr<const Schema> named;  // kNamed: the enclosing definition, alive as long as the root

  std::string logical_type;           // "logicalType"; empty if none
  std::optional<int32_t> precision;   // of logical type decimal
  std::optional<int32_t> scale;       // of logical type decimal
  std::optional<bool> adjust_to_utc;  // "adjust-to-utc"
  std::optional<int32_t> element_id;  // "element-id" of an array
  std::optional<int32_t> key_id;      // "key-id" of a map
  std::optional<int32_t> value_id;    // "value-id" of a map
  std::vector<Attribute> attributes;  // everything else
};

// Parses a schema's JSON. kInvalidArgument names the place of the first mistake; kResourceExhausted
// if schemas are nested more than 64 deep. Names of types must be as the specification says; names
// of fields and symbols may be any text, since not every writer of Iceberg files keeps to it.
Result<SchemaPtr> ParseSchema(std::string_view json);

// JSON on one line, keys in a fixed order; ParseSchema(ToJson(s)) equals s. A named type is written
// out where it first occurs and named afterwards.
std::string ToJson(const Schema& schema);

// Building blocks. Nothing is checked here; ParseSchema(ToJson(...)) checks.
SchemaPtr Primitive(Type type);
SchemaPtr LogicalType(Type type, std::string logical_type,
                      std::optional<bool> adjust_to_utc = std::nullopt);
SchemaPtr DecimalOfFixed(std::string name, int64_t size, int32_t precision, int32_t scale);
SchemaPtr FixedOf(std::string name, int64_t size, std::string logical_type = "");
SchemaPtr EnumOf(std::string name, std::vector<std::string> symbols);
SchemaPtr RecordOf(std::string name, std::vector<Field> fields);
SchemaPtr ArrayOf(SchemaPtr items, std::optional<int32_t> element_id = std::nullopt);
// An Avro map: keys are strings.
SchemaPtr MapOf(SchemaPtr values, std::optional<int32_t> key_id = std::nullopt,
                std::optional<int32_t> value_id = std::nullopt);
// Iceberg's form of a map whose keys are no strings: an array, logicalType "map", of records
// named "k<key_id>_v<value_id>" with the fields key and value.
SchemaPtr MapAsArray(SchemaPtr key, int32_t key_id, SchemaPtr value, int32_t value_id);
SchemaPtr UnionOf(std::vector<SchemaPtr> branches);
// ["null", schema].
SchemaPtr OptionalOf(SchemaPtr schema);

// A required field; and one of ["null", schema] with default null.
Field RequiredField(std::string name, SchemaPtr schema,
                    std::optional<int32_t> field_id = std::nullopt, std::string doc = "");
Field OptionalField(std::string name, SchemaPtr schema,
                    std::optional<int32_t> field_id = std::nullopt, std::string doc = "");

// Position of a field in a record; nullopt if there is none or `record` is no record.
std::optional<size_t> FindField(const Schema& record, std::string_view name);
std::optional<size_t> FindFieldById(const Schema& record, int32_t field_id);

// The schema behind ["null", X] or [X, "null"], and `schema` itself if it is anything else.
const Schema& WithoutNull(const Schema& schema);

}  // namespace octolake::avro
