#include "iceberg/scan.h"

#include "iceberg/bound_filter.h"
#include "iceberg/delete_files.h"
#include "iceberg/manifest_io.h"
#include "iceberg/scan_files.h"

namespace octolake::iceberg {

Result<std::vector<ScanTask>> PlanScan(io::FileSystem& fs, const TableMetadata& metadata,
                                       std::optional<int64_t> snapshot_id, const Filter& filter) {
  OCTO_ASSIGN(const BoundFilter bound, BoundFilter::Bind(metadata, filter));
  const Snapshot* snapshot =
      snapshot_id ? metadata.FindSnapshot(*snapshot_id) : metadata.CurrentSnapshot();
  if (snapshot == nullptr && snapshot_id) return UnknownSnapshot(metadata, *snapshot_id);
  std::vector<ScanTask> tasks;
  if (snapshot == nullptr) return tasks;
  OCTO_ASSIGN(const std::vector<ManifestFile> manifests, ReadManifestList(fs, *snapshot));
  OCTO_TRY(CollectTasks(
      fs, metadata, manifests, bound, [](const ManifestFile&) { return true; }, IsLive, tasks));
  OCTO_TRY(AttachDeletes(fs, metadata, manifests, tasks));
  SortBySequence(tasks);
  return tasks;
}

Result<bool> FileMayMatch(const TableMetadata& metadata, const DataFile& file,
                          const Filter& filter) {
  OCTO_ASSIGN(const BoundFilter bound, BoundFilter::Bind(metadata, filter));
  return bound.FileMayMatch(file);
}

}  // namespace octolake::iceberg
