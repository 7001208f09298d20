// Iceberg schemas as Arrow schemas and back.
#pragma once

#include <memory>

#include "base/result.h"
#include "iceberg/type.h"

namespace arrow {
class Schema;
class DataType;
}  // namespace arrow

namespace octolake::datafile {

// Fields carry their id as metadata "PARQUET:field_id"; timestamptz is timestamp(us, "UTC").
// kUnsupported for nested types: octolake's own tables have none.
Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(const iceberg::Schema& schema);

// Ids from "PARQUET:field_id" where present, else 1, 2, ... in order. Large and view variants of
// strings and binaries count as string and binary, any time zone as UTC; unsigned and small
// integers widen to the next type that holds them. kUnsupported, naming the column, for the others.
Result<iceberg::Schema> FromArrowSchema(const arrow::Schema& schema);

}  // namespace octolake::datafile
