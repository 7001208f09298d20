#include "sql/relation_sql.h"

#include <map>

#include "iceberg/delete_files.h"
#include "io/local_file_system.h"
#include "io/s3_file_system.h"
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

Result<std::string> ParquetPath(const iceberg::DataFile& file) {
  if (!iceberg::IsParquet(file)) {
    return MakeError(ErrorKind::kUnsupported, file.file_path + " is a " + file.file_format +
                                                  " file; only Parquet can be queried");
  }
  if (io::IsS3Location(file.file_path)) return io::CanonicalS3Location(file.file_path);
  return io::LocalPath(file.file_path);
}

// The items of an SQL list or row.
class ListText {
 public:
  void Add(const std::string& item) { text_ += (text_.empty() ? "" : ", ") + item; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// An entry of read_parquet's parameter schema.
std::string FieldById(int32_t id, const std::string& name, const std::string& type) {
  return std::to_string(id) + ": {name: " + QuoteLiteral(name) + ", type: " + QuoteLiteral(type) +
         ", default_value: NULL}";
}

// Partition folders must not become columns: every column is in the files.
std::string ReadParquet(const std::string& files, const std::string& fields,
                        const std::string& more = "") {
  return "read_parquet([" + files + "], schema=MAP {" + fields + "}, hive_partitioning=false" +
         more + ")";
}

Result<std::string> WholeFilesQuery(const iceberg::Schema& schema,
                                    const std::vector<const iceberg::ScanTask*>& tasks) {
  ListText columns;
  ListText fields;
  for (const auto& field : schema.fields) {
    OCTO_ASSIGN(const std::string type, ColumnTypeSql(field));
    columns.Add(QuoteIdentifier(field.name));
    fields.Add(FieldById(field.id, field.name, type));
  }
  ListText files;
  for (const iceberg::ScanTask* task : tasks) {
    OCTO_ASSIGN(const std::string path, ParquetPath(task->file));
    files.Add(QuoteLiteral(path));
  }
  return "SELECT " + columns.text() + " FROM " + ReadParquet(files.text(), fields.text());
}

// The rows that delete files name, as (data_file, pos) with the local path of the data file. A
// delete file counts only for the data files that the plan gives it to, so it takes the pairs of
// both; numbers stand for them there, as there may be many pairs.
Result<std::string> DeletedRowsQuery(const std::vector<const iceberg::ScanTask*>& tasks) {
  std::map<std::string, size_t> numbers;  // of delete files, by local path
  ListText delete_files;
  ListText delete_rows;
  ListText data_rows;
  ListText pairs;
  for (size_t i = 0; i < tasks.size(); ++i) {
    OCTO_ASSIGN(const std::string data_path, ParquetPath(tasks[i]->file));
    data_rows.Add("(" + std::to_string(i) + ", " + QuoteLiteral(tasks[i]->file.file_path) + ", " +
                  QuoteLiteral(data_path) + ")");
    for (const iceberg::DataFile& deletes : tasks[i]->deletes) {
      OCTO_ASSIGN(const std::string path, ParquetPath(deletes));
      const auto [number, added] = numbers.emplace(path, numbers.size());
      if (added) {
        delete_files.Add(QuoteLiteral(path));
        delete_rows.Add("(" + std::to_string(number->second) + ", " + QuoteLiteral(path) + ")");
      }
      pairs.Add("(" + std::to_string(number->second) + ", " + std::to_string(i) + ")");
    }
  }
  const std::string fields = FieldById(iceberg::kDeleteFilePathId, "file_path", "VARCHAR") + ", " +
                             FieldById(iceberg::kDeletePosId, "pos", "BIGINT");
  return "SELECT d.data_file, r.pos FROM " +
         ReadParquet(delete_files.text(), fields, ", filename='delete_file'") +
         " AS r JOIN (VALUES " + delete_rows.text() +
         ") AS f(number, delete_file) ON r.delete_file = f.delete_file JOIN (VALUES " +
         pairs.text() +
         ") AS p(delete_number, data_number) ON f.number = p.delete_number JOIN (VALUES " +
         data_rows.text() +
         ") AS d(number, file_path, data_file) ON p.data_number = d.number AND "
         "r.file_path = d.file_path";
}

// Columns are read under names of ours ("c1" has field id 1): a table's own may be those that
// DuckDB gives to a row's file and number. file_row_number is the virtual column; the parameter of
// that name refuses files with such a column.
Result<std::string> FilesWithDeletesQuery(const iceberg::Schema& schema,
                                          const std::vector<const iceberg::ScanTask*>& tasks) {
  ListText columns;
  ListText fields;
  for (const auto& field : schema.fields) {
    OCTO_ASSIGN(const std::string type, ColumnTypeSql(field));
    const std::string name = "c" + std::to_string(field.id);
    columns.Add("data." + name + " AS " + QuoteIdentifier(field.name));
    fields.Add(FieldById(field.id, name, type));
  }
  ListText files;
  for (const iceberg::ScanTask* task : tasks) {
    OCTO_ASSIGN(const std::string path, ParquetPath(task->file));
    files.Add(QuoteLiteral(path));
  }
  OCTO_ASSIGN(const std::string deleted, DeletedRowsQuery(tasks));
  return "SELECT " + columns.text() + " FROM " +
         ReadParquet(files.text(), fields.text(), ", filename='data_file'") +
         " AS data ANTI JOIN (" + deleted +
         ") AS deleted ON data.data_file = deleted.data_file AND "
         "data.file_row_number = deleted.pos";
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
  std::vector<const iceberg::ScanTask*> whole;
  std::vector<const iceberg::ScanTask*> with_deletes;
  for (const iceberg::ScanTask& task : tasks) {
    (task.deletes.empty() ? whole : with_deletes).push_back(&task);
  }
  if (tasks.empty()) return EmptyQuery(schema);
  if (with_deletes.empty()) return WholeFilesQuery(schema, whole);
  OCTO_ASSIGN(std::string query, FilesWithDeletesQuery(schema, with_deletes));
  if (whole.empty()) return query;
  OCTO_ASSIGN(const std::string others, WholeFilesQuery(schema, whole));
  return others + " UNION ALL " + query;
}

}  // namespace octolake::sql
