#include <algorithm>

#include "model/bundle.h"

namespace octolake::model {
namespace {

Result<iceberg::TypePtr> ColumnType(const std::string& duckdb_name) {
  if (duckdb_name == "BOOLEAN") return iceberg::BooleanType();
  if (duckdb_name == "INTEGER") return iceberg::IntType();
  if (duckdb_name == "BIGINT") return iceberg::LongType();
  if (duckdb_name == "DOUBLE") return iceberg::DoubleType();
  if (duckdb_name == "DATE") return iceberg::DateType();
  if (duckdb_name == "TIMESTAMP WITH TIME ZONE") return iceberg::TimestamptzType();
  if (duckdb_name == "VARCHAR") return iceberg::StringType();
  return MakeError(ErrorKind::kUnsupported,
                   "type " + duckdb_name +
                       " (known: BOOLEAN, INTEGER, BIGINT, DOUBLE, DATE, TIMESTAMP WITH TIME "
                       "ZONE, VARCHAR); cast the column in the model");
}

}  // namespace

Result<iceberg::NewTable> ModelTable(const Model& model) {
  iceberg::NewTable table;
  int32_t next_id = 1;
  for (const Column& column : model.columns) {
    Result<iceberg::TypePtr> type = ColumnType(column.type);
    if (!type) {
      return WithContext(type.error(), "model " + model.relation.name + ", column " + column.name);
    }
    table.schema.fields.push_back(
        {next_id++, column.name, *type, column.required, column.description});
  }
  int32_t partition_id = 1000;
  for (const PartitionColumn& part : model.partition_by) {
    const iceberg::Field* source = table.schema.FindByName(part.column);
    if (source == nullptr) {
      return MakeError(ErrorKind::kInvalidArgument, "model " + model.relation.name +
                                                        " is partitioned by " + part.column +
                                                        ", which is no column of it");
    }
    OCTO_ASSIGN(iceberg::Transform transform, iceberg::Transform::Parse(part.transform));
    const bool identity = transform.kind == iceberg::Transform::Kind::kIdentity;
    const std::string name = identity ? part.column : part.column + "_" + part.transform;
    table.spec.fields.push_back({source->id, partition_id++, name, transform});
  }
  return table;
}

}  // namespace octolake::model
