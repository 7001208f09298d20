// In which partitions a manifest can have files, as its manifest list tells.
#pragma once

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "iceberg/type.h"

namespace octolake::iceberg {

class ManifestPartitions {
 public:
  // The manifest must outlive this.
  static Result<ManifestPartitions> Of(const ManifestFile& manifest, const TableMetadata& metadata);

  // Whether a file with these values, of the manifest's own spec, can be in it. Where the spec is
  // not known, any can. Errors name the manifest.
  Result<bool> MayHold(const PartitionValues& values) const;

 private:
  ManifestPartitions(const ManifestFile& manifest, TypePtr type)
      : manifest_(&manifest), type_(std::move(type)) {}

  const ManifestFile* manifest_;
  TypePtr type_;  // of the values; null if the spec is not known
};

}  // namespace octolake::iceberg
