#include <algorithm>
#include <utility>

#include "base/uuid.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_metadata_check.h"

namespace octolake::iceberg {
Result<TableMetadata> MakeTableMetadata(const NewTable& table, std::string table_uuid,
                                        int64_t now_ms) {
  constexpr ErrorKind kKind = ErrorKind::kInvalidArgument;
  if (!Uuid::Parse(table_uuid)) return MakeError(kKind, "'" + table_uuid + "' is no UUID");

  TableMetadata metadata;
  metadata.table_uuid = std::move(table_uuid);
  metadata.location = table.location;
  while (metadata.location.ends_with('/')) metadata.location.pop_back();
  if (metadata.location.empty()) return MakeError(kKind, "a new table needs a location");
  metadata.last_updated_ms = now_ms;

  SortOrder sort_order = table.sort_order;
  if (!sort_order.fields.empty() && sort_order.order_id == 0) sort_order.order_id = 1;
  OCTO_TRY(CheckSchema(table.schema, kKind));
  OCTO_TRY(CheckSpec(table.schema, table.spec, kKind));
  OCTO_TRY(CheckSpecNames(table.schema, table.spec, kKind));
  OCTO_TRY(CheckSortOrder(table.schema, sort_order, kKind));

  metadata.last_column_id = table.schema.HighestId();
  metadata.current_schema_id = table.schema.schema_id;
  metadata.schemas.push_back(table.schema);
  metadata.default_spec_id = table.spec.spec_id;
  for (const PartitionField& field : table.spec.fields) {
    metadata.last_partition_id = std::max(metadata.last_partition_id, field.field_id);
  }
  metadata.partition_specs.push_back(table.spec);
  metadata.default_sort_order_id = sort_order.order_id;
  metadata.sort_orders.push_back(std::move(sort_order));
  metadata.properties = table.properties;
  return metadata;
}

}  // namespace octolake::iceberg
