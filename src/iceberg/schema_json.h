// Schemas, partition specs and sort orders from and to JSON values (specification, appendix C). For
// the .cc files of this room only.
#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "iceberg/json_object.h"
#include "iceberg/partition.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

// Keeps members in the order they were put in, which is the order of the reference implementation.
using OrderedJson = nlohmann::ordered_json;

OrderedJson SchemaToJsonValue(const Schema& schema);
OrderedJson PartitionFieldsToJsonValue(const PartitionSpec& spec);
OrderedJson SortOrderToJsonValue(const SortOrder& order);

Result<Schema> SchemaFromJson(const JsonObject& json);
Result<PartitionSpec> PartitionSpecFromJson(const JsonObject& json);
Result<SortOrder> SortOrderFromJson(const JsonObject& json);

}  // namespace octolake::iceberg
