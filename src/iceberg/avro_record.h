// Access to the fields of decoded Avro records, for the readers of manifests and manifest lists.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "avro/schema.h"
#include "avro/value.h"
#include "base/result.h"

namespace octolake::iceberg {

struct WantedField {
  int32_t id;
  std::string_view name;
};

// Where the fields wanted stand in a record; -1 where they do not.
using FieldPositions = std::vector<int>;

// By field id; a field to which its writer gave no id, by name.
FieldPositions Locate(const avro::Schema& record, std::span<const WantedField> wanted);

// The record that is the type of a field (behind an optional), or of the elements of its list; null
// if the field is absent or of another type.
const avro::Schema* RecordAt(const avro::Schema& record, int position);
const avro::Schema* ItemsAt(const avro::Schema& record, int position);

// Null if the record lacks the field or the field is null.
const avro::Value* At(const std::vector<avro::Value>& record, int position);

// The value of a field, null if it is absent; kCorruption, naming the field, if it is absent or of
// another type. IfPresent is nullopt where it is absent.
Result<int64_t> Integer(const avro::Value* value, std::string_view name);
// Of an int, or of a long that is one.
Result<int32_t> Int(const avro::Value* value, std::string_view name);
Result<std::optional<int64_t>> IfPresent(const avro::Value* value, std::string_view name);
Result<std::string> Text(const avro::Value* value, std::string_view name);
Result<std::string> Binary(const avro::Value* value, std::string_view name);
Result<const std::vector<avro::Value>*> Record(const avro::Value* value, std::string_view name);

}  // namespace octolake::iceberg
