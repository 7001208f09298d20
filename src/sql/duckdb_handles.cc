#include "sql/duckdb_handles.h"

#include <array>

namespace octolake::sql {
namespace {

struct NamedType {
  std::string_view name;
  duckdb_error_type type;
};

// How DuckDB begins a message, for the types that do not count as a mistake in the statement.
constexpr std::array<NamedType, 9> kNamedTypes{{
    {"Out of Memory Error", DUCKDB_ERROR_OUT_OF_MEMORY},
    {"IO Error", DUCKDB_ERROR_IO},
    {"HTTP Error", DUCKDB_ERROR_HTTP},
    {"INTERRUPT Error", DUCKDB_ERROR_INTERRUPT},
    {"Interrupt Error", DUCKDB_ERROR_INTERRUPT},
    {"Not implemented Error", DUCKDB_ERROR_NOT_IMPLEMENTED},
    {"Permission Error", DUCKDB_ERROR_PERMISSION},
    {"INTERNAL Error", DUCKDB_ERROR_INTERNAL},
    {"Serialization Error", DUCKDB_ERROR_SERIALIZATION},
}};

}  // namespace

ErrorKind KindOfError(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_OUT_OF_MEMORY:
    case DUCKDB_ERROR_OBJECT_SIZE:
      return ErrorKind::kResourceExhausted;
    case DUCKDB_ERROR_INTERRUPT:
      return ErrorKind::kTransient;
    case DUCKDB_ERROR_IO:
    case DUCKDB_ERROR_HTTP:
    case DUCKDB_ERROR_NETWORK:
      return ErrorKind::kIo;
    case DUCKDB_ERROR_PERMISSION:
    case DUCKDB_ERROR_NOT_IMPLEMENTED:
      return ErrorKind::kUnsupported;
    case DUCKDB_ERROR_INTERNAL:
    case DUCKDB_ERROR_FATAL:
    case DUCKDB_ERROR_SERIALIZATION:
      return ErrorKind::kCorruption;
    default:
      return ErrorKind::kInvalidArgument;
  }
}

Error ErrorFromMessage(const char* message) {
  const std::string_view text = message == nullptr ? "DuckDB gave no reason" : message;
  for (const auto& [name, type] : kNamedTypes) {
    if (text.starts_with(name)) return Error{KindOfError(type), std::string(text)};
  }
  return Error{ErrorKind::kInvalidArgument, std::string(text)};
}

Error ErrorFromResult(duckdb_result& result) {
  const char* message = duckdb_result_error(&result);
  const duckdb_error_type type = duckdb_result_error_type(&result);
  if (type == DUCKDB_ERROR_INVALID) return ErrorFromMessage(message);
  return Error{KindOfError(type), message == nullptr ? "DuckDB gave no reason" : message};
}

Status StatusFrom(const ErrorData& error) {
  if (error.get() == nullptr || !duckdb_error_data_has_error(error.get())) return {};
  return MakeError(KindOfError(duckdb_error_data_error_type(error.get())),
                   duckdb_error_data_message(error.get()));
}

Status Execute(duckdb_connection connection, const std::string& sql) {
  QueryResult result;
  if (duckdb_query(connection, sql.c_str(), result.get()) == DuckDBSuccess) return {};
  return tl::unexpected<Error>(ErrorFromResult(*result.get()));
}

std::string QuoteLiteral(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

}  // namespace octolake::sql
