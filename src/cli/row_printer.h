// Prints query results to stdout: as a table for people, CSV (RFC 4180), JSON or Parquet.
#pragma once

#include <cstdio>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "sql/session.h"

namespace arrow {
class Array;
}

namespace octolake::cli {

enum class RowFormat { kTable, kCsv, kJson, kParquet };

Result<RowFormat> ParseRowFormat(const std::string& text);

// Reads the whole result and writes it to `out`, in bounded memory: a table's column widths are
// those of its first rows. NULL is empty in CSV, null in JSON. Returns the number of rows.
Result<int64_t> PrintRows(sql::ResultStream& rows, RowFormat format, std::FILE* out);

// One value as JSON: numbers as numbers (a decimal with a fraction, and what no number of JSON can
// hold, as text), lists and structs as such, a map as a list of key and value, the rest as text.
nlohmann::ordered_json CellJson(const arrow::Array& array, int64_t row);

// One value as text; empty for NULL. Times are UTC, lists and structs JSON.
std::string CellText(const arrow::Array& array, int64_t row);

}  // namespace octolake::cli
