#include "datafile/arrow_schema.h"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/string_util.h"

namespace octolake::datafile {
namespace {

constexpr char kFieldId[] = "PARQUET:field_id";

std::shared_ptr<arrow::DataType> ToArrowType(const iceberg::Type& type) {
  using iceberg::TypeId;
  switch (type.id) {
    case TypeId::kBoolean:
      return arrow::boolean();
    case TypeId::kInt:
      return arrow::int32();
    case TypeId::kLong:
      return arrow::int64();
    case TypeId::kFloat:
      return arrow::float32();
    case TypeId::kDouble:
      return arrow::float64();
    case TypeId::kDecimal:
      return arrow::decimal128(type.precision, type.scale);
    case TypeId::kDate:
      return arrow::date32();
    case TypeId::kTime:
      return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeId::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case TypeId::kTimestamptz:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeId::kString:
      return arrow::utf8();
    case TypeId::kUuid:
      return arrow::fixed_size_binary(16);
    case TypeId::kFixed:
      return arrow::fixed_size_binary(type.length);
    case TypeId::kBinary:
      return arrow::binary();
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kMap:
      return nullptr;
  }
  return nullptr;
}

iceberg::TypePtr Simple(iceberg::TypeId id) {
  return std::make_shared<const iceberg::Type>(iceberg::Type{.id = id, .fields = {}});
}

// Decimals keep their precision; version 2 has no decimal above 38 digits.
iceberg::TypePtr FromDecimal(const arrow::DataType& type) {
  const auto& decimal = static_cast<const arrow::DecimalType&>(type);
  if (decimal.precision() > 38 || decimal.scale() < 0) return nullptr;
  return std::make_shared<const iceberg::Type>(iceberg::Type{.id = iceberg::TypeId::kDecimal,
                                                             .precision = decimal.precision(),
                                                             .scale = decimal.scale(),
                                                             .fields = {}});
}

// Null for a type that Iceberg version 2, or octolake, does not have.
iceberg::TypePtr FromArrowType(const arrow::DataType& type) {
  using iceberg::TypeId;
  switch (type.id()) {
    case arrow::Type::BOOL:
      return iceberg::BooleanType();
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
      return iceberg::IntType();
    case arrow::Type::INT64:
    case arrow::Type::UINT32:
      return iceberg::LongType();
    case arrow::Type::UINT64:
      return FromDecimal(*arrow::decimal128(20, 0));
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
      return Simple(TypeId::kFloat);
    case arrow::Type::DOUBLE:
      return iceberg::DoubleType();
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
      return FromDecimal(type);
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
      return iceberg::DateType();
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      return Simple(TypeId::kTime);
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty()
                 ? Simple(TypeId::kTimestamp)
                 : iceberg::TimestamptzType();
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return iceberg::StringType();
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
      return iceberg::BinaryType();
    case arrow::Type::FIXED_SIZE_BINARY:
      return std::make_shared<const iceberg::Type>(
          iceberg::Type{.id = TypeId::kFixed,
                        .length = static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width(),
                        .fields = {}});
    case arrow::Type::DICTIONARY:
      return FromArrowType(*static_cast<const arrow::DictionaryType&>(type).value_type());
    default:
      return nullptr;
  }
}

// 0 if the field carries no id.
Result<int32_t> FieldId(const arrow::Field& field) {
  if (field.metadata() == nullptr) return 0;
  auto text = field.metadata()->Get(kFieldId);
  if (!text.ok()) return 0;
  const std::optional<int32_t> id = ParseNumber<int32_t>(*text);
  if (id.value_or(0) > 0) return *id;
  return MakeError(ErrorKind::kCorruption,
                   "column " + field.name() + ": field id '" + *text + "' is no positive number");
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(const iceberg::Schema& schema) {
  arrow::FieldVector fields;
  fields.reserve(schema.fields.size());
  for (const auto& field : schema.fields) {
    auto type = ToArrowType(*field.type);
    if (type == nullptr) {
      return MakeError(ErrorKind::kUnsupported,
                       "column " + field.name + " is a " + iceberg::TypeName(*field.type) +
                           "; nested columns cannot be read or written here");
    }
    fields.push_back(
        arrow::field(field.name, std::move(type), !field.required,
                     arrow::key_value_metadata({kFieldId}, {std::to_string(field.id)})));
  }
  return arrow::schema(std::move(fields));
}

Result<iceberg::Schema> FromArrowSchema(const arrow::Schema& schema) {
  iceberg::Schema result;
  std::set<int32_t> taken;
  std::vector<size_t> without_id;
  for (const auto& field : schema.fields()) {
    auto type = FromArrowType(*field->type());
    if (type == nullptr) {
      return MakeError(ErrorKind::kUnsupported,
                       "column " + field->name() + " has the type " + field->type()->ToString() +
                           ", which no table column here can have; cast it");
    }
    OCTO_ASSIGN(int32_t id, FieldId(*field));
    if (id == 0) {
      without_id.push_back(result.fields.size());
    } else if (!taken.insert(id).second) {
      return MakeError(
          ErrorKind::kCorruption,
          "field id " + std::to_string(id) + " is used twice, again by column " + field->name());
    }
    result.fields.push_back(
        iceberg::Field{id, field->name(), std::move(type), !field->nullable(), ""});
  }
  int32_t next = 1;
  for (size_t index : without_id) {
    while (taken.contains(next)) ++next;
    result.fields[index].id = next++;
  }
  return result;
}

}  // namespace octolake::datafile
