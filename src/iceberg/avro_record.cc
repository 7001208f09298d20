#include "iceberg/avro_record.h"

#include <limits>
#include <utility>

namespace octolake::iceberg {
namespace {

using avro::Value;

tl::unexpected<Error> Corrupt(std::string message) {
  return MakeError(ErrorKind::kCorruption, std::move(message));
}

}  // namespace

FieldPositions Locate(const avro::Schema& record, std::span<const WantedField> wanted) {
  FieldPositions positions(wanted.size(), -1);
  for (size_t i = 0; i < wanted.size(); ++i) {
    for (size_t at = 0; at < record.fields.size(); ++at) {
      const avro::Field& field = record.fields[at];
      const bool same =
          field.field_id ? *field.field_id == wanted[i].id : field.name == wanted[i].name;
      if (same) positions[i] = static_cast<int>(at);
    }
  }
  return positions;
}

const avro::Schema* RecordAt(const avro::Schema& record, int position) {
  if (position < 0) return nullptr;
  const avro::Schema& schema = avro::WithoutNull(*record.fields[position].schema);
  return schema.type == avro::Type::kRecord ? &schema : nullptr;
}

const avro::Schema* ItemsAt(const avro::Schema& record, int position) {
  if (position < 0) return nullptr;
  const avro::Schema& schema = avro::WithoutNull(*record.fields[position].schema);
  if (schema.type != avro::Type::kArray) return nullptr;
  const avro::Schema& items = avro::WithoutNull(*schema.items);
  return items.type == avro::Type::kRecord ? &items : nullptr;
}

const Value* At(const std::vector<Value>& record, int position) {
  if (position < 0 || static_cast<size_t>(position) >= record.size()) return nullptr;
  const Value& value = record[position];
  return value.IsNull() ? nullptr : &value;
}

Result<int64_t> Integer(const Value* value, std::string_view name) {
  const auto number = value == nullptr ? std::nullopt : value->IfInteger();
  if (!number) return Corrupt("field " + std::string(name) + " is missing or no integer");
  return *number;
}

Result<int32_t> Int(const Value* value, std::string_view name) {
  OCTO_ASSIGN(const int64_t number, Integer(value, name));
  if (number < std::numeric_limits<int32_t>::min() ||
      number > std::numeric_limits<int32_t>::max()) {
    return Corrupt("field " + std::string(name) + ": " + std::to_string(number) +
                   " does not fit in 32 bits");
  }
  return static_cast<int32_t>(number);
}

Result<std::optional<int64_t>> IfPresent(const Value* value, std::string_view name) {
  if (value == nullptr) return std::nullopt;
  OCTO_ASSIGN(const int64_t number, Integer(value, name));
  return number;
}

Result<std::string> Text(const Value* value, std::string_view name) {
  const std::string* text = value == nullptr ? nullptr : value->IfString();
  if (text == nullptr) return Corrupt("field " + std::string(name) + " is missing or no string");
  return *text;
}

Result<std::string> Binary(const Value* value, std::string_view name) {
  const std::string* bytes = value == nullptr ? nullptr : value->IfBytes();
  if (bytes == nullptr) return Corrupt("field " + std::string(name) + " is missing or no bytes");
  return *bytes;
}

Result<const std::vector<Value>*> Record(const Value* value, std::string_view name) {
  const auto* record = value == nullptr ? nullptr : value->IfRecord();
  if (record == nullptr) return Corrupt("field " + std::string(name) + " is missing or no record");
  return record;
}

}  // namespace octolake::iceberg
