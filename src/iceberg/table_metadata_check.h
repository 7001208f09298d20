// What the specification asks of schemas, specs, sort orders and whole table metadata beyond their
// form. For the .cc files of this room only.
#pragma once

#include "base/result.h"
#include "iceberg/partition.h"
#include "iceberg/table_metadata.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

// Each gives an error of `kind` that says what is wrong.
// Ids positive and unique at every depth, names unique in their struct, identifier fields required.
Status CheckSchema(const Schema& schema, ErrorKind kind);
// Field ids from 1000 and unique, names unique, sources there, transforms fit.
Status CheckSpec(const Schema& schema, const PartitionSpec& spec, ErrorKind kind);
// No partition field has the name of a column other than its source.
Status CheckSpecNames(const Schema& schema, const PartitionSpec& spec, ErrorKind kind);
// Order 0 and only it is unsorted; sources there, transforms fit.
Status CheckSortOrder(const Schema& schema, const SortOrder& order, ErrorKind kind);

// Ids unique and all references kept. kCorruption.
Status CheckTableMetadata(const TableMetadata& metadata);

}  // namespace octolake::iceberg
