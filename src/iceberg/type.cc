#include "iceberg/type.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/string_util.h"

namespace octolake::iceberg {
namespace {

constexpr int32_t kMaxDecimalPrecision = 38;  // "decimal(P,S)" in the specification

struct NamedType {
  std::string_view name;
  TypeId id;
};

constexpr std::array kSimpleTypes = {
    NamedType{"boolean", TypeId::kBoolean},
    NamedType{"int", TypeId::kInt},
    NamedType{"long", TypeId::kLong},
    NamedType{"float", TypeId::kFloat},
    NamedType{"double", TypeId::kDouble},
    NamedType{"date", TypeId::kDate},
    NamedType{"time", TypeId::kTime},
    NamedType{"timestamp", TypeId::kTimestamp},
    NamedType{"timestamptz", TypeId::kTimestamptz},
    NamedType{"string", TypeId::kString},
    NamedType{"uuid", TypeId::kUuid},
    NamedType{"binary", TypeId::kBinary},
    NamedType{"struct", TypeId::kStruct},
    NamedType{"list", TypeId::kList},
    NamedType{"map", TypeId::kMap},
};

TypePtr Simple(TypeId id) {
  auto type = std::make_shared<Type>();
  type->id = id;
  return type;
}

std::optional<int32_t> ParseUnsigned(std::string_view text) {
  const std::optional<int32_t> value = ParseNumber<int32_t>(Trim(text));
  return value && *value >= 0 ? value : std::nullopt;
}

// The text between "<prefix>" and the closing character, or nothing.
std::optional<std::string_view> Arguments(std::string_view name, std::string_view prefix,
                                          char close) {
  if (!name.starts_with(prefix) || name.back() != close) return std::nullopt;
  return name.substr(prefix.size(), name.size() - prefix.size() - 1);
}

tl::unexpected<Error> BadType(std::string_view name, std::string_view why) {
  return MakeError(ErrorKind::kUnsupported, "type '" + std::string(name) + "' " + std::string(why));
}

Result<TypePtr> ParseDecimal(std::string_view name, std::string_view arguments) {
  const size_t comma = arguments.find(',');
  if (comma == std::string_view::npos) return BadType(name, "lacks a scale");
  const auto precision = ParseUnsigned(arguments.substr(0, comma));
  const auto scale = ParseUnsigned(arguments.substr(comma + 1));
  if (!precision || !scale || *precision < 1 || *precision > kMaxDecimalPrecision ||
      *scale > *precision) {
    return BadType(name, "must have a precision of 1 to 38 and a scale of 0 to the precision");
  }
  auto type = std::make_shared<Type>();
  type->id = TypeId::kDecimal;
  type->precision = *precision;
  type->scale = *scale;
  return type;
}

const Field* FindIn(const std::vector<Field>& fields, int32_t id) {
  for (const Field& field : fields) {
    if (field.id == id) return &field;
    if (field.type && !field.type->is_primitive()) {
      if (const Field* found = FindIn(field.type->fields, id)) return found;
    }
  }
  return nullptr;
}

int32_t HighestIn(const std::vector<Field>& fields) {
  int32_t highest = 0;
  for (const Field& field : fields) {
    highest = std::max(highest, field.id);
    if (field.type) highest = std::max(highest, HighestIn(field.type->fields));
  }
  return highest;
}

}  // namespace

bool operator==(const Type& a, const Type& b) {
  return a.id == b.id && a.precision == b.precision && a.scale == b.scale && a.length == b.length &&
         a.fields == b.fields;
}

bool operator==(const Field& a, const Field& b) {
  if (a.id != b.id || a.name != b.name || a.required != b.required || a.doc != b.doc) return false;
  if (!a.type || !b.type) return a.type == b.type;
  return *a.type == *b.type;
}

TypePtr BooleanType() { return Simple(TypeId::kBoolean); }
TypePtr IntType() { return Simple(TypeId::kInt); }
TypePtr LongType() { return Simple(TypeId::kLong); }
TypePtr DoubleType() { return Simple(TypeId::kDouble); }
TypePtr DateType() { return Simple(TypeId::kDate); }
TypePtr TimestamptzType() { return Simple(TypeId::kTimestamptz); }
TypePtr StringType() { return Simple(TypeId::kString); }
TypePtr BinaryType() { return Simple(TypeId::kBinary); }

Result<TypePtr> ParsePrimitiveType(std::string_view name) {
  for (const NamedType& simple : kSimpleTypes) {
    if (simple.id < TypeId::kStruct && name == simple.name) return Simple(simple.id);
  }
  if (const auto arguments = Arguments(name, "decimal(", ')'))
    return ParseDecimal(name, *arguments);
  if (const auto arguments = Arguments(name, "fixed[", ']')) {
    const auto length = ParseUnsigned(*arguments);
    if (!length || *length < 1) return BadType(name, "must have a length of 1 or more");
    auto type = std::make_shared<Type>();
    type->id = TypeId::kFixed;
    type->length = *length;
    return type;
  }
  return BadType(name, "is no primitive type of Iceberg format version 2");
}

std::string TypeName(const Type& type) {
  if (type.id == TypeId::kDecimal) {
    return "decimal(" + std::to_string(type.precision) + ", " + std::to_string(type.scale) + ")";
  }
  if (type.id == TypeId::kFixed) return "fixed[" + std::to_string(type.length) + "]";
  for (const NamedType& simple : kSimpleTypes) {
    if (simple.id == type.id) return std::string(simple.name);
  }
  return "unknown";
}

const Field* Schema::FindByName(std::string_view name) const {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

const Field* Schema::FindById(int32_t id) const { return FindIn(fields, id); }

int32_t Schema::HighestId() const { return HighestIn(fields); }

}  // namespace octolake::iceberg
