#include "sql/result_stream.h"

#include <arrow/array.h>
#include <arrow/c/abi.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>
#include <vector>

#include "datafile/arrow_status.h"
#include "datafile/column_cast.h"
#include "sql/type_name.h"

namespace octolake::sql {
namespace {

using datafile::ToResult;

class DuckResultStream final : public ResultStream {
 public:
  explicit DuckResultStream(std::unique_ptr<ConnectionLease> lease) : lease_(std::move(lease)) {}

  Status Begin(const std::string& sql);
  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  const std::vector<std::string>& type_names() const override { return type_names_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override;

 private:
  Status Prepare(const std::string& sql);
  Status ReadSchema();
  Result<std::shared_ptr<arrow::RecordBatch>> ToBatch(duckdb_data_chunk chunk);

  // In the order in which one needs the other.
  std::unique_ptr<ConnectionLease> lease_;
  PreparedStatement prepared_;
  PendingResult pending_;
  QueryResult result_;
  ArrowOptions options_;
  std::shared_ptr<arrow::Schema> duckdb_schema_;  // as DuckDB exports it
  std::shared_ptr<arrow::Schema> schema_;         // without dictionaries
  std::vector<std::string> type_names_;
  bool ended_ = false;
};

Status DuckResultStream::Prepare(const std::string& sql) {
  ExtractedStatements extracted;
  const idx_t count = duckdb_extract_statements(lease_->connection(), sql.c_str(), extracted.out());
  if (count == 0) {
    const char* message = duckdb_extract_statements_error(extracted.get());
    if (message != nullptr) return tl::unexpected<Error>(ErrorFromMessage(message));
    return MakeError(ErrorKind::kInvalidArgument, "there is no statement in what was given");
  }
  if (count > 1) {
    return MakeError(ErrorKind::kInvalidArgument,
                     std::to_string(count) + " statements were given; give one at a time");
  }
  if (duckdb_prepare_extracted_statement(lease_->connection(), extracted.get(), 0,
                                         prepared_.out()) != DuckDBSuccess) {
    return tl::unexpected<Error>(ErrorFromMessage(duckdb_prepare_error(prepared_.get())));
  }
  return {};
}

Status DuckResultStream::Begin(const std::string& sql) {
  OCTO_TRY(Prepare(sql));
  if (duckdb_pending_prepared_streaming(prepared_.get(), pending_.out()) != DuckDBSuccess) {
    return tl::unexpected<Error>(ErrorFromMessage(duckdb_pending_error(pending_.get())));
  }
  if (duckdb_execute_pending(pending_.get(), result_.get()) != DuckDBSuccess) {
    return tl::unexpected<Error>(ErrorFromResult(*result_.get()));
  }
  return ReadSchema();
}

Status DuckResultStream::ReadSchema() {
  options_ = ArrowOptions(duckdb_result_get_arrow_options(result_.get()));
  const idx_t columns = duckdb_column_count(result_.get());
  std::vector<LogicalType> owners;
  std::vector<duckdb_logical_type> types;
  std::vector<const char*> names;
  for (idx_t column = 0; column < columns; ++column) {
    owners.emplace_back(duckdb_column_logical_type(result_.get(), column));
    types.push_back(owners.back().get());
    names.push_back(duckdb_column_name(result_.get(), column));
    type_names_.push_back(TypeName(types.back()));
  }
  ArrowSchema exported{};
  OCTO_TRY(StatusFrom(ErrorData(
      duckdb_to_arrow_schema(options_.get(), types.data(), names.data(), columns, &exported))));
  OCTO_ASSIGN(duckdb_schema_, ToResult(arrow::ImportSchema(&exported), "columns of a result"));
  arrow::FieldVector fields;
  for (const auto& field : duckdb_schema_->fields()) {
    const auto& type = field->type();
    fields.push_back(
        type->id() == arrow::Type::DICTIONARY
            ? field->WithType(static_cast<const arrow::DictionaryType&>(*type).value_type())
            : field);
  }
  schema_ = arrow::schema(std::move(fields));
  return {};
}

Result<std::shared_ptr<arrow::RecordBatch>> DuckResultStream::ToBatch(duckdb_data_chunk chunk) {
  ArrowArray exported{};
  OCTO_TRY(StatusFrom(ErrorData(duckdb_data_chunk_to_arrow(options_.get(), chunk, &exported))));
  OCTO_ASSIGN(auto batch,
              ToResult(arrow::ImportRecordBatch(&exported, duckdb_schema_), "rows of a result"));
  arrow::ArrayVector columns;
  for (int column = 0; column < batch->num_columns(); ++column) {
    const auto& wanted = schema_->field(column)->type();
    if (duckdb_schema_->field(column)->type()->id() != arrow::Type::DICTIONARY) {
      columns.push_back(batch->column(column));
      continue;
    }
    OCTO_ASSIGN(auto decoded, datafile::CastColumn(batch->column(column), wanted));
    columns.push_back(std::move(decoded));
  }
  return arrow::RecordBatch::Make(schema_, batch->num_rows(), std::move(columns));
}

Result<std::shared_ptr<arrow::RecordBatch>> DuckResultStream::Next() {
  while (!ended_) {
    DataChunk chunk(duckdb_fetch_chunk(*result_.get()));
    if (chunk.get() == nullptr) {
      ended_ = true;
      const char* message = duckdb_result_error(result_.get());
      if (message != nullptr && *message != '\0') {
        return tl::unexpected<Error>(ErrorFromResult(*result_.get()));
      }
      break;
    }
    if (duckdb_data_chunk_get_size(chunk.get()) > 0) return ToBatch(chunk.get());
  }
  return nullptr;
}

}  // namespace

Result<std::unique_ptr<ResultStream>> BeginQuery(std::unique_ptr<ConnectionLease> lease,
                                                 const std::string& sql) {
  auto stream = std::make_unique<DuckResultStream>(std::move(lease));
  OCTO_TRY(stream->Begin(sql));
  return stream;
}

}  // namespace octolake::sql
