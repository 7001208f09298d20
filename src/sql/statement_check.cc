#include "sql/statement_check.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>
#include <vector>

#include "sql/duckdb_handles.h"

namespace octolake::sql {
namespace {

// Table functions that read, or make rows. Others (enable_logging, checkpoint, query with a
// statement in a string, json_execute_serialized_sql, ...) are not let through. Where these read
// files, the session's readable directories hold.
const std::set<std::string, std::less<>>& AllowedTableFunctions() {
  static const std::set<std::string, std::less<>> names{
      "duckdb_columns",
      "duckdb_constraints",
      "duckdb_databases",
      "duckdb_functions",
      "duckdb_keywords",
      "duckdb_schemas",
      "duckdb_settings",
      "duckdb_tables",
      "duckdb_types",
      "duckdb_views",
      "generate_series",
      "glob",
      "histogram",
      "histogram_values",
      "json_each",
      "json_tree",
      "parquet_bloom_probe",
      "parquet_file_metadata",
      "parquet_full_metadata",
      "parquet_kv_metadata",
      "parquet_metadata",
      "parquet_scan",
      "parquet_schema",
      "pg_timezone_names",
      "pragma_show",
      "pragma_table_info",
      "pragma_version",
      "range",
      "read_csv",
      "read_csv_auto",
      "read_json",
      "read_json_auto",
      "read_json_objects",
      "read_ndjson",
      "read_ndjson_auto",
      "read_ndjson_objects",
      "read_parquet",
      "read_text",
      "repeat",
      "repeat_row",
      "sniff_csv",
      "summary",
      "unnest",
  };
  return names;
}

tl::unexpected<Error> Refused(const std::string& what) {
  return MakeError(ErrorKind::kUnsupported,
                   what +
                       " is not allowed here: only one statement that reads, such as SELECT, "
                       "WITH, VALUES, DESCRIBE, SHOW, SUMMARIZE, or EXPLAIN of one");
}

// Where the next word or sign begins: after white space and comments.
size_t SkipBlanks(std::string_view sql, size_t at) {
  while (at < sql.size()) {
    if (std::isspace(static_cast<unsigned char>(sql[at]))) {
      ++at;
    } else if (sql.substr(at, 2) == "--") {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql.substr(at, 2) == "/*") {
      const size_t end = sql.find("*/", at + 2);
      at = end == std::string_view::npos ? sql.size() : end + 2;
    } else {
      break;
    }
  }
  return at;
}

// Takes a keyword (given in capitals) from the front of the statement if it stands there.
bool TakeWord(std::string_view& sql, std::string_view word) {
  const size_t begin = SkipBlanks(sql, 0);
  if (sql.size() - begin < word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    if (std::toupper(static_cast<unsigned char>(sql[begin + i])) != word[i]) return false;
  }
  const size_t end = begin + word.size();
  if (end < sql.size()) {
    const auto next = static_cast<unsigned char>(sql[end]);
    if (std::isalnum(next) || next == '_' || next == '$' || next >= 0x80) return false;
  }
  sql.remove_prefix(end);
  return true;
}

Status CheckCount(duckdb_connection connection, const std::string& sql) {
  ExtractedStatements extracted;
  const idx_t count = duckdb_extract_statements(connection, sql.c_str(), extracted.out());
  if (count == 1) return {};
  if (count > 1) return Refused("More than one statement");
  const char* message = duckdb_extract_statements_error(extracted.get());
  if (message == nullptr || *message == '\0') {
    return MakeError(ErrorKind::kInvalidArgument, "there is no statement in what was given");
  }
  return tl::unexpected<Error>(ErrorFromMessage(message));
}

// Runs a query of ours with the statement to be checked as its only parameter; every row's first
// column as text.
Result<std::vector<std::string>> AskAbout(duckdb_connection connection, const char* query,
                                          const std::string& sql) {
  PreparedStatement prepared;
  if (duckdb_prepare(connection, query, prepared.out()) != DuckDBSuccess) {
    return tl::unexpected<Error>(ErrorFromMessage(duckdb_prepare_error(prepared.get())));
  }
  QueryResult result;
  if (duckdb_bind_varchar_length(prepared.get(), 1, sql.data(), sql.size()) != DuckDBSuccess ||
      duckdb_execute_prepared(prepared.get(), result.get()) != DuckDBSuccess) {
    return tl::unexpected<Error>(ErrorFromResult(*result.get()));
  }
  std::vector<std::string> values;
  while (true) {
    DataChunk chunk(duckdb_fetch_chunk(*result.get()));
    if (chunk.get() == nullptr) return values;
    auto* texts = static_cast<duckdb_string_t*>(
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk.get()); ++row) {
      values.emplace_back(duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row]));
    }
  }
}

// DuckDB's own syntax tree tells what the statement is: only a SELECT has one.
Status CheckSelect(duckdb_connection connection, const std::string& sql) {
  OCTO_TRY(CheckCount(connection, sql));
  OCTO_ASSIGN(auto failed,
              AskAbout(connection,
                       "SELECT coalesce(json_extract_string(tree, '$.error_message'), '') "
                       "FROM (SELECT json_serialize_sql($1::VARCHAR) AS tree) "
                       "WHERE json_extract_string(tree, '$.error') <> 'false'",
                       sql));
  if (!failed.empty()) return Refused("This statement");
  OCTO_ASSIGN(auto functions, AskAbout(connection,
                                       "SELECT DISTINCT lower(json_extract_string(value, '$')) "
                                       "FROM json_tree(json_serialize_sql($1::VARCHAR)) "
                                       "WHERE key = 'function_name' AND (path LIKE '%.function' "
                                       "OR lower(json_extract_string(value, '$')) = 'write_log')",
                                       sql));
  for (const auto& name : functions) {
    if (!AllowedTableFunctions().contains(name)) return Refused("The function " + name);
  }
  return {};
}

}  // namespace

Result<ReadOnlyStatement> CheckReadOnly(duckdb_connection connection, const std::string& sql) {
  if (sql.find('\0') != std::string::npos) {
    return MakeError(ErrorKind::kInvalidArgument, "the statement holds a NUL character");
  }
  std::string_view rest = sql;
  ReadOnlyStatement statement;
  if (TakeWord(rest, "EXPLAIN")) {
    statement.explain =
        TakeWord(rest, "ANALYZE") || TakeWord(rest, "ANALYSE") ? "EXPLAIN ANALYZE " : "EXPLAIN ";
  }
  statement.select = rest;
  OCTO_TRY(CheckSelect(connection, statement.select));
  return statement;
}

}  // namespace octolake::sql
