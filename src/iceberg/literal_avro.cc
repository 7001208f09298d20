#include "iceberg/literal_avro.h"

#include <cstdio>
#include <limits>

#include "base/uuid.h"
#include "iceberg/utf8.h"

namespace octolake::iceberg {
namespace {

constexpr size_t kUuidTextLength = 36;

// Bytes that hold every unscaled value of the precision.
int64_t DecimalBytes(int32_t precision) {
  unsigned __int128 greatest = 1;
  for (int32_t i = 0; i < precision; ++i) greatest *= 10;
  greatest -= 1;
  int64_t bytes = 1;
  while (bytes < 16 && (greatest >> (8 * bytes - 1)) != 0) ++bytes;
  return bytes;
}

std::string DecimalToFixed(__int128 unscaled, int64_t length) {
  std::string bytes(static_cast<size_t>(length), '\0');
  for (auto it = bytes.rbegin(); it != bytes.rend(); ++it) {
    *it = static_cast<char>(static_cast<uint8_t>(unscaled & 0xFF));
    unscaled >>= 8;
  }
  return bytes;
}

tl::unexpected<Error> WrongDatum(const Type& type, const avro::Value& value) {
  return MakeError(ErrorKind::kCorruption, "expected a value of type " + TypeName(type) +
                                               ", found an Avro " +
                                               std::string(avro::TypeName(value.type())));
}

Result<Literal> IntFromAvro(const Type& type, const avro::Value& value) {
  const auto number = value.IfInteger();
  if (!number || *number < std::numeric_limits<int32_t>::min() ||
      *number > std::numeric_limits<int32_t>::max()) {
    return WrongDatum(type, value);
  }
  return Literal(static_cast<int32_t>(*number));
}

Result<Literal> BytesFromAvro(const Type& type, const avro::Value& value) {
  const std::string* text = value.IfString();
  if (text != nullptr && type.id == TypeId::kUuid && text->size() == kUuidTextLength) {
    OCTO_ASSIGN(const Uuid uuid, Uuid::Parse(*text));
    return Literal(std::string(uuid.bytes.begin(), uuid.bytes.end()));
  }
  const std::string* bytes = text != nullptr ? text : value.IfBytes();
  if (bytes == nullptr) return WrongDatum(type, value);
  return DecodeLiteral(type, *bytes);
}

void AppendUtf16Escape(uint32_t unit, std::string& out) {
  char text[16];
  std::snprintf(text, sizeof(text), "_x%X", static_cast<unsigned>(unit));
  out += text;
}

}  // namespace

Result<avro::SchemaPtr> PrimitiveAvroSchema(const Type& type) {
  switch (type.id) {
    case TypeId::kBoolean:
      return avro::Primitive(avro::Type::kBoolean);
    case TypeId::kInt:
      return avro::Primitive(avro::Type::kInt);
    case TypeId::kLong:
      return avro::Primitive(avro::Type::kLong);
    case TypeId::kFloat:
      return avro::Primitive(avro::Type::kFloat);
    case TypeId::kDouble:
      return avro::Primitive(avro::Type::kDouble);
    case TypeId::kDecimal:
      return avro::DecimalOfFixed(
          "decimal_" + std::to_string(type.precision) + "_" + std::to_string(type.scale),
          DecimalBytes(type.precision), type.precision, type.scale);
    case TypeId::kDate:
      return avro::LogicalType(avro::Type::kInt, "date");
    case TypeId::kTime:
      return avro::LogicalType(avro::Type::kLong, "time-micros");
    case TypeId::kTimestamp:
      return avro::LogicalType(avro::Type::kLong, "timestamp-micros", false);
    case TypeId::kTimestamptz:
      return avro::LogicalType(avro::Type::kLong, "timestamp-micros", true);
    case TypeId::kString:
      return avro::Primitive(avro::Type::kString);
    case TypeId::kUuid:
      return avro::FixedOf("uuid_fixed", 16, "uuid");
    case TypeId::kFixed:
      return avro::FixedOf("fixed_" + std::to_string(type.length), type.length);
    case TypeId::kBinary:
      return avro::Primitive(avro::Type::kBytes);
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kMap:
      break;
  }
  return MakeError(ErrorKind::kInvalidArgument,
                   "type " + TypeName(type) + " cannot be a partition value");
}

Result<avro::Value> LiteralToAvro(const Type& type, const Literal& value) {
  // Also checks that the literal is one of the type.
  OCTO_ASSIGN(std::string encoded, EncodeLiteral(type, value));
  switch (type.id) {
    case TypeId::kBoolean:
      return avro::Value::Boolean(std::get<bool>(value));
    case TypeId::kInt:
    case TypeId::kDate:
      return avro::Value::Int(std::get<int32_t>(value));
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestamptz:
      return avro::Value::Long(std::get<int64_t>(value));
    case TypeId::kFloat:
      return avro::Value::Float(std::get<float>(value));
    case TypeId::kDouble:
      return avro::Value::Double(std::get<double>(value));
    case TypeId::kDecimal:
      return avro::Value::Fixed(
          DecimalToFixed(std::get<__int128>(value), DecimalBytes(type.precision)));
    case TypeId::kString:
      return avro::Value::String(std::move(encoded));
    case TypeId::kUuid:
    case TypeId::kFixed:
      return avro::Value::Fixed(std::move(encoded));
    default:
      return avro::Value::Bytes(std::move(encoded));
  }
}

Result<Literal> LiteralFromAvro(const Type& type, const avro::Value& value) {
  switch (type.id) {
    case TypeId::kBoolean:
      if (const auto held = value.IfBoolean()) return Literal(*held);
      return WrongDatum(type, value);
    case TypeId::kInt:
    case TypeId::kDate:
      return IntFromAvro(type, value);
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestamptz:
      if (const auto held = value.IfInteger()) return Literal(*held);
      return WrongDatum(type, value);
    case TypeId::kFloat:
      if (const auto held = value.IfReal()) return Literal(static_cast<float>(*held));
      return WrongDatum(type, value);
    case TypeId::kDouble:
      if (const auto held = value.IfReal()) return Literal(*held);
      return WrongDatum(type, value);
    default:
      return BytesFromAvro(type, value);
  }
}

std::string AvroName(std::string_view name) {
  std::string result;
  while (!name.empty()) {
    const char c = name.front();
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    const auto code_point = FirstCodePoint(name);
    if (letter || (digit && !result.empty())) {
      result += c;
    } else if (digit) {
      result += '_';
      result += c;
    } else if (!code_point) {
      AppendUtf16Escape(static_cast<uint8_t>(c), result);
    } else if (code_point->value < 0x10000) {
      AppendUtf16Escape(code_point->value, result);
    } else {
      const uint32_t above = code_point->value - 0x10000;
      AppendUtf16Escape(0xD800 + (above >> 10), result);
      AppendUtf16Escape(0xDC00 + (above & 0x3FF), result);
    }
    name.remove_prefix(code_point ? code_point->length : 1);
  }
  return result;
}

}  // namespace octolake::iceberg
