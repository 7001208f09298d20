#include "spark/native/silver_batch.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <numeric>
#include <string>
#include <vector>

#include "datafile/arrow_schema.h"
#include "lake/definitions.h"
#include "lake/silver_parser.h"

namespace octolake::spark {
namespace {

bool IsMicroseconds(const arrow::DataType& type) {
  if (type.id() != arrow::Type::TIMESTAMP) return false;
  const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
  return timestamp.unit() == arrow::TimeUnit::MICRO && !timestamp.timezone().empty();
}

// The column with exactly the type that Bronze has. An instant is one in any time zone.
Result<std::shared_ptr<arrow::Array>> ColumnOf(const arrow::RecordBatch& batch,
                                               const arrow::Field& wanted) {
  auto column = batch.GetColumnByName(wanted.name());
  if (column == nullptr) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "rows of bronze.github_events: column " + wanted.name() + " is missing");
  }
  if (column->type()->Equals(*wanted.type())) return column;
  if (IsMicroseconds(*column->type()) && IsMicroseconds(*wanted.type())) {
    auto data = column->data()->Copy();
    data->type = wanted.type();
    return arrow::MakeArray(data);
  }
  return MakeError(ErrorKind::kInvalidArgument,
                   "rows of bronze.github_events: column " + wanted.name() + " should be " +
                       wanted.type()->ToString() + ", found " + column->type()->ToString());
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> ParseWhole(lake::SilverParser& parser,
                                                       const arrow::RecordBatch& bronze,
                                                       TimestampMicros processed_at) {
  OCTO_ASSIGN(const auto schema, datafile::ToArrowSchema(lake::BronzeEventsDefinition().schema));
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (const std::string& name : lake::BronzeColumnsOfSilver()) {
    fields.push_back(schema->GetFieldByName(name));
    OCTO_ASSIGN(auto column, ColumnOf(bronze, *fields.back()));
    columns.push_back(std::move(column));
  }
  const auto checked = arrow::RecordBatch::Make(arrow::schema(std::move(fields)), bronze.num_rows(),
                                                std::move(columns));
  std::vector<int64_t> rows(static_cast<size_t>(bronze.num_rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return parser.Parse(*checked, rows, processed_at);
}

}  // namespace octolake::spark
