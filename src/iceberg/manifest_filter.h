// Takes files out of the manifests of a new snapshot.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/snapshot_producer.h"
#include "iceberg/table_metadata.h"
#include "iceberg/update.h"

namespace octolake::iceberg {

// One manifest without the files that are taken out.
struct FilteredManifest {
  std::vector<DataFile> removed;          // none: the manifest stays as it is
  std::optional<ManifestFile> rewritten;  // in its place
};

// Kept by an update over its attempts: a manifest is read and written once, as long as the sequence
// number that its entries inherit stays the same.
class ManifestFilter {
 public:
  using RemovesFile = std::function<bool(const ManifestEntry&)>;
  explicit ManifestFilter(RemovesFile removes) : removes_(std::move(removes)) {}

  // Removed files are kept as deleted by the new snapshot, the other live ones as existing.
  Result<const FilteredManifest*> Filter(const UpdateContext& context,
                                         const TableMetadata& metadata, SnapshotProducer& producer,
                                         const ManifestFile& manifest);

 private:
  const RemovesFile removes_;
  // By path and sequence number.
  std::map<std::pair<std::string, int64_t>, FilteredManifest> filtered_;
};

}  // namespace octolake::iceberg
