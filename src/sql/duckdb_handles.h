// DuckDB's C objects with owners, and its errors as ours. Internal to sql/.
#pragma once

#include <duckdb.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace octolake::sql {

// Owns what a duckdb_* function created; Destroy takes a pointer to the handle.
template <typename T, void (*Destroy)(T*)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T value) : value_(value) {}
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, T{})) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Handle() {
    if (value_ != T{}) Destroy(&value_);
  }
  T get() const { return value_; }
  T* out() { return &value_; }

 private:
  T value_{};
};

inline void DestroyPrepared(duckdb_prepared_statement* statement) {
  duckdb_destroy_prepare(statement);
}

using Database = Handle<duckdb_database, duckdb_close>;
using Connection = Handle<duckdb_connection, duckdb_disconnect>;
using Config = Handle<duckdb_config, duckdb_destroy_config>;
using ExtractedStatements = Handle<duckdb_extracted_statements, duckdb_destroy_extracted>;
using PreparedStatement = Handle<duckdb_prepared_statement, DestroyPrepared>;
using PendingResult = Handle<duckdb_pending_result, duckdb_destroy_pending>;
using LogicalType = Handle<duckdb_logical_type, duckdb_destroy_logical_type>;
using ArrowOptions = Handle<duckdb_arrow_options, duckdb_destroy_arrow_options>;
using DataChunk = Handle<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using ErrorData = Handle<duckdb_error_data, duckdb_destroy_error_data>;

// A result is a plain struct in DuckDB's interface; an empty one may be destroyed.
class QueryResult {
 public:
  QueryResult() : value_{} {}
  QueryResult(QueryResult&& other) noexcept
      : value_(std::exchange(other.value_, duckdb_result{})) {}
  QueryResult& operator=(QueryResult&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~QueryResult() { duckdb_destroy_result(&value_); }
  duckdb_result* get() { return &value_; }

 private:
  duckdb_result value_;
};

// The kind by DuckDB's error type.
ErrorKind KindOfError(duckdb_error_type type);
// Where the interface gives no error type (statements that do not parse or bind) the message begins
// with its name.
Error ErrorFromMessage(const char* message);
Error ErrorFromResult(duckdb_result& result);
Status StatusFrom(const ErrorData& error);

// Runs one statement of ours to its end and drops its rows.
Status Execute(duckdb_connection connection, const std::string& sql);

// "it's" -> "'it''s'". Only for what DuckDB takes as a literal alone: paths and names inside
// read_parquet, and values of settings.
std::string QuoteLiteral(std::string_view text);

}  // namespace octolake::sql
