#include "iceberg/partition.h"

#include <cstdio>

#include "base/civil_time.h"

namespace octolake::iceberg {
namespace {

// As forms are encoded (application/x-www-form-urlencoded), which is what the reference
// implementation puts in paths.
std::string UrlEncode(std::string_view text) {
  constexpr std::string_view kHexDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-' || c == '*' || c == '_';
    if (plain) {
      encoded += c;
    } else if (c == ' ') {
      encoded += '+';
    } else {
      encoded += '%';
      encoded += kHexDigits[byte >> 4];
      encoded += kHexDigits[byte & 0xF];
    }
  }
  return encoded;
}

std::string TwoDigits(int64_t value) {
  char text[16];
  std::snprintf(text, sizeof(text), "%02d", static_cast<int>(value));
  return text;
}

std::string ValueText(const Transform& transform, const Type& type, const Literal& value) {
  const int32_t* number = std::get_if<int32_t>(&value);
  if (number != nullptr) {
    const int64_t since_1970 = *number;
    switch (transform.kind) {
      case Transform::Kind::kYear:
        return std::to_string(since_1970 + 1970);
      case Transform::Kind::kMonth: {
        const int64_t years = FloorDiv(since_1970, 12);
        return std::to_string(years + 1970) + "-" + TwoDigits(since_1970 - years * 12 + 1);
      }
      case Transform::Kind::kDay:
        return FormatDate(since_1970);
      case Transform::Kind::kHour: {
        const int64_t days = FloorDiv(since_1970, 24);
        return FormatDate(days) + "-" + TwoDigits(since_1970 - days * 24);
      }
      default:
        break;
    }
  }
  return LiteralText(type, value);
}

}  // namespace

Result<TypePtr> PartitionType(const Schema& schema, const PartitionSpec& spec) {
  auto type = std::make_shared<Type>();
  type->id = TypeId::kStruct;
  for (const PartitionField& field : spec.fields) {
    const std::string context =
        "partition field '" + field.name + "' of partition spec " + std::to_string(spec.spec_id);
    const Field* source = schema.FindById(field.source_id);
    TypePtr result;
    if (source != nullptr) {
      auto applied = field.transform.ResultType(source->type);
      if (!applied) return WithContext(std::move(applied).error(), context);
      result = *std::move(applied);
    } else if (field.transform.kind == Transform::Kind::kVoid) {
      // The column may be gone; every value is NULL, so any type will do.
      result = IntType();
    } else {
      return MakeError(ErrorKind::kInvalidArgument,
                       context + ": no column of schema " + std::to_string(schema.schema_id) +
                           " has the source id " + std::to_string(field.source_id));
    }
    Field& partition_field = type->fields.emplace_back();
    partition_field.id = field.field_id;
    partition_field.name = field.name;
    partition_field.type = std::move(result);
  }
  return TypePtr(std::move(type));
}

std::string PartitionPath(const PartitionSpec& spec, const Type& partition_type,
                          const PartitionValues& values) {
  std::string path;
  for (size_t i = 0; i < spec.fields.size() && i < values.size(); ++i) {
    const PartitionField& field = spec.fields[i];
    if (!path.empty()) path += '/';
    path += UrlEncode(field.name) + "=";
    path += values[i]
                ? UrlEncode(ValueText(field.transform, *partition_type.fields[i].type, *values[i]))
                : "null";
  }
  return path;
}

}  // namespace octolake::iceberg
