#include "sql/relation_sql.h"

#include "io/local_file_system.h"
#include "sql/duckdb_handles.h"
#include "sql/session.h"

namespace octolake::sql {
namespace {

// No row, but the columns.
Result<std::string> EmptyQuery(const iceberg::Schema& schema) {
  std::string sql = "SELECT ";
  for (size_t index = 0; index < schema.fields.size(); ++index) {
    const auto& field = schema.fields[index];
    OCTO_ASSIGN(std::string type, ColumnTypeSql(field));
    if (index > 0) sql += ", ";
    sql += "CAST(NULL AS " + type + ") AS " + QuoteIdentifier(field.name);
  }
  return sql + " WHERE false";
}

Result<std::string> FileList(const std::vector<iceberg::ScanTask>& tasks) {
  std::string sql = "[";
  for (const auto& task : tasks) {
    if (task.file.file_format != "PARQUET" && task.file.file_format != "parquet") {
      return MakeError(ErrorKind::kUnsupported, task.file.file_path + " is a " +
                                                    task.file.file_format +
                                                    " file; only Parquet can be queried");
    }
    OCTO_ASSIGN(std::string path, io::LocalPath(task.file.file_path));
    if (sql.size() > 1) sql += ", ";
    sql += QuoteLiteral(path);
  }
  return sql + "]";
}

}  // namespace

Result<std::string> ColumnTypeSql(const iceberg::Field& field) {
  using iceberg::TypeId;
  switch (field.type->id) {
    case TypeId::kBoolean:
      return "BOOLEAN";
    case TypeId::kInt:
      return "INTEGER";
    case TypeId::kLong:
      return "BIGINT";
    case TypeId::kFloat:
      return "FLOAT";
    case TypeId::kDouble:
      return "DOUBLE";
    case TypeId::kDecimal:
      return "DECIMAL(" + std::to_string(field.type->precision) + "," +
             std::to_string(field.type->scale) + ")";
    case TypeId::kDate:
      return "DATE";
    case TypeId::kTime:
      return "TIME";
    case TypeId::kTimestamp:
      return "TIMESTAMP";
    case TypeId::kTimestamptz:
      return "TIMESTAMP WITH TIME ZONE";
    case TypeId::kString:
      return "VARCHAR";
    case TypeId::kUuid:
      return "UUID";
    case TypeId::kFixed:
    case TypeId::kBinary:
      return "BLOB";
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kMap:
      break;
  }
  return MakeError(ErrorKind::kUnsupported, "column " + field.name + " is a " +
                                                iceberg::TypeName(*field.type) +
                                                "; nested columns cannot be queried here");
}

Result<std::string> RelationQuery(const iceberg::Schema& schema,
                                  const std::vector<iceberg::ScanTask>& tasks) {
  if (schema.fields.empty()) {
    return MakeError(ErrorKind::kInvalidArgument, "a table without columns cannot be queried");
  }
  if (tasks.empty()) return EmptyQuery(schema);
  OCTO_ASSIGN(std::string files, FileList(tasks));
  std::string columns;
  std::string fields;
  for (const auto& field : schema.fields) {
    OCTO_ASSIGN(std::string type, ColumnTypeSql(field));
    if (!columns.empty()) columns += ", ";
    columns += QuoteIdentifier(field.name);
    if (!fields.empty()) fields += ", ";
    fields += std::to_string(field.id) + ": {name: " + QuoteLiteral(field.name) +
              ", type: " + QuoteLiteral(type) + ", default_value: NULL}";
  }
  // Partition folders must not become columns: every column is in the files.
  return "SELECT " + columns + " FROM read_parquet(" + files + ", schema=MAP {" + fields +
         "}, hive_partitioning=false)";
}

}  // namespace octolake::sql
