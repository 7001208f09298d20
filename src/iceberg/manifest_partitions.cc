#include "iceberg/manifest_partitions.h"

#include <utility>

#include "iceberg/manifest_io.h"
#include "iceberg/partition_summary.h"

namespace octolake::iceberg {

Result<ManifestPartitions> ManifestPartitions::Of(const ManifestFile& manifest,
                                                  const TableMetadata& metadata) {
  const PartitionSpec* spec = metadata.FindSpec(manifest.partition_spec_id);
  if (spec == nullptr) return ManifestPartitions(manifest, nullptr);
  OCTO_ASSIGN(TypePtr type, PartitionType(SchemaForSpec(metadata, *spec), *spec));
  return ManifestPartitions(manifest, std::move(type));
}

Result<bool> ManifestPartitions::MayHold(const PartitionValues& values) const {
  if (type_ == nullptr) return true;
  auto contained = SummariesMayContain(*type_, manifest_->partitions, values);
  if (contained) return contained;
  return WithContext(std::move(contained).error(),
                     "partition summary of manifest " + manifest_->manifest_path);
}

}  // namespace octolake::iceberg
