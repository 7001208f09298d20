// Any Avro datum as JSON text, for people to read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "avro/schema.h"
#include "avro/value.h"

namespace octolake::event {

// A value of the schema: records and maps as objects, unions as what they hold, bytes as text
// (which need not be UTF-8), enums as their symbols, numbers that JSON does not have as strings.
// nullopt if it takes more bytes than `most`: names of fields and symbols come again with each
// value, so that the text can be any number of times as long as the datum.
std::optional<std::string> JsonOfAvro(const avro::Schema& schema, const avro::Value& value,
                                      size_t most);

}  // namespace octolake::event
