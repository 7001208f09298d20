// Any Avro datum as JSON text, for people to read.
#pragma once

#include <string>

#include "avro/schema.h"
#include "avro/value.h"

namespace octolake::event {

// A value of the schema: records and maps as objects, unions as what they hold, bytes as text
// (which need not be UTF-8), enums as their symbols, numbers that JSON does not have as strings.
std::string JsonOfAvro(const avro::Schema& schema, const avro::Value& value);

}  // namespace octolake::event
