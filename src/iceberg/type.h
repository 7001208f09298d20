// Types, fields and schemas of Apache Iceberg, format version 2 ("Schemas and Data Types" in the
// specification).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace octolake::iceberg {

enum class TypeId {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestamptz,
  kString,
  kUuid,
  kFixed,
  kBinary,
  kStruct,
  kList,
  kMap,
};

struct Type;
using TypePtr = std::shared_ptr<const Type>;

// A struct's field, a list's element or a map's key or value.
struct Field {
  int32_t id = 0;
  std::string name;
  TypePtr type;
  bool required = false;
  std::string doc;
};

struct Type {
  TypeId id;
  int32_t precision = 0;  // decimal
  int32_t scale = 0;      // decimal
  int32_t length = 0;     // fixed
  // struct: its fields; list: one, "element"; map: two, "key" and "value".
  std::vector<Field> fields;

  bool is_primitive() const { return id < TypeId::kStruct; }
};

bool operator==(const Type& a, const Type& b);  // ids and docs of nested fields included
bool operator==(const Field& a, const Field& b);

TypePtr BooleanType();
TypePtr IntType();
TypePtr LongType();
TypePtr DoubleType();
TypePtr DateType();
TypePtr TimestamptzType();
TypePtr StringType();
TypePtr BinaryType();

// A primitive type from its name in the specification, for example "decimal(9,2)"; kUnsupported
// for a name that version 2 does not have.
Result<TypePtr> ParsePrimitiveType(std::string_view name);
// The specification's name of a primitive type; "struct", "list" or "map" for the nested ones.
std::string TypeName(const Type& type);

struct Schema {
  int32_t schema_id = 0;
  std::vector<Field> fields;
  std::vector<int32_t> identifier_field_ids;

  const Field* FindByName(std::string_view name) const;  // top level only; null if absent
  const Field* FindById(int32_t id) const;               // at any depth; null if absent
  int32_t HighestId() const;
  friend bool operator==(const Schema&, const Schema&) = default;
};

}  // namespace octolake::iceberg
