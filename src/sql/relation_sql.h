// The text of a view over data files. Internal to sql/: the one place where a statement is built.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/scan.h"
#include "iceberg/type.h"

namespace octolake::sql {

// DuckDB's name of a column's type; kUnsupported for nested columns.
Result<std::string> ColumnTypeSql(const iceberg::Field& field);

// A query whose rows are those of the files that no delete file of their task names, its columns
// those of the schema by field id: columns a file lacks are NULL, narrower ones are widened. Only
// files with deletes take the longer way, a join. kUnsupported for nested columns and for files
// that are neither local nor on S3, or no Parquet.
Result<std::string> RelationQuery(const iceberg::Schema& schema,
                                  const std::vector<iceberg::ScanTask>& tasks);

}  // namespace octolake::sql
