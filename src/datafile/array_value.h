// Single values of Arrow arrays.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/type.h"

namespace arrow {
class Array;
}

namespace octolake::datafile {

// The value of a row that is not NULL, as a literal of the type. The array has the Arrow type that
// ToArrowSchema gives the column.
iceberg::Literal ValueAt(const iceberg::Type& type, const arrow::Array& array, int64_t row);

// The value's bytes as they lie in the array (a boolean as one byte): equal exactly if the values
// are the same bits. Valid while the array is; not for NULLs.
std::string_view BytesAt(const arrow::Array& array, int64_t row);

// Integers, dates, times and timestamps as a number.
int64_t NumberAt(const arrow::Array& array, int64_t row);

// NaNs in an array of floats or doubles.
int64_t CountNan(const arrow::Array& array);

}  // namespace octolake::datafile
