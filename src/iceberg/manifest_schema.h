// The Avro schemas of manifests and manifest lists, format version 2 ("Manifests", "Manifest
// Lists" in the specification): every field with its field id, in the order in which the reference
// implementation writes them.
#pragma once

#include "avro/schema.h"
#include "base/result.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

// Of a manifest_entry; `partition_type` is a struct as PartitionType (partition.h) gives it.
Result<avro::SchemaPtr> ManifestEntrySchema(const Type& partition_type);

// Of a manifest_file.
avro::SchemaPtr ManifestListSchema();

}  // namespace octolake::iceberg
