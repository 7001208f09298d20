// Single values of primitive types as Avro data, as they stand in the partition records of
// manifests (specification, appendix A).
#pragma once

#include <string>
#include <string_view>

#include "avro/schema.h"
#include "avro/value.h"
#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

// kInvalidArgument for nested types.
Result<avro::SchemaPtr> PrimitiveAvroSchema(const Type& type);

// kInvalidArgument if the literal does not hold what the type asks for.
Result<avro::Value> LiteralToAvro(const Type& type, const Literal& value);

// Also takes the narrower form of a type that was widened later, and the text of a uuid.
// kCorruption if the datum cannot be a value of the type.
Result<Literal> LiteralFromAvro(const Type& type, const avro::Value& value);

// The name itself where Avro allows it, else with every other character replaced by _x and its
// UTF-16 code in hexadecimal digits, and a leading digit by _ and the digit.
std::string AvroName(std::string_view name);

}  // namespace octolake::iceberg
