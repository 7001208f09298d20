// Casts that keep every value.
#pragma once

#include <memory>

#include "base/result.h"

namespace arrow {
class Array;
class DataType;
}  // namespace arrow

namespace octolake::datafile {

// The array with another type. Within a kind (integers and decimals, floating point, texts, bytes,
// dates, times, timestamps with a zone, timestamps without) every value must fit exactly, else
// kInvalidArgument; between kinds only what always fits is cast: integers to floating point, texts
// to bytes, an all-NULL column to anything. kUnsupported for any other pair.
Result<std::shared_ptr<arrow::Array>> CastColumn(const std::shared_ptr<arrow::Array>& array,
                                                 const std::shared_ptr<arrow::DataType>& type);

}  // namespace octolake::datafile
