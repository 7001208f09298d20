#include <utility>

#include "iceberg/manifest_merge.h"
#include "iceberg/snapshot_producer.h"
#include "iceberg/update.h"

namespace octolake::iceberg {
namespace {

class AppendFilesUpdate final : public TableUpdate {
 public:
  AppendFilesUpdate(std::vector<DataFile> files, Properties summary)
      : files_(std::move(files)), producer_(std::move(summary)) {}

  Status Apply(const UpdateContext& context, TableMetadata& metadata) override {
    OCTO_TRY(CheckNewFiles(metadata, files_));
    OCTO_TRY(producer_.Begin(context, metadata));
    OCTO_ASSIGN(std::vector<ManifestFile> manifests, producer_.AddFiles(context, metadata, files_));
    const size_t added = manifests.size();
    const std::vector<ManifestFile>& parents = producer_.parent_manifests();
    manifests.insert(manifests.end(), parents.begin(), parents.end());
    OCTO_ASSIGN(manifests,
                merger_.Merge(context, metadata, producer_, added, std::move(manifests)));
    SnapshotChanges changes;
    for (const DataFile& file : files_) changes.AddFile(file);
    return producer_.Commit(context, metadata, "append", changes, manifests);
  }

  std::vector<std::string> Unused(const TableMetadata* committed) const override {
    return producer_.Unused(committed);
  }

  std::optional<int64_t> NewSnapshotId() const override { return producer_.chosen_snapshot_id(); }

 private:
  const std::vector<DataFile> files_;
  SnapshotProducer producer_;
  ManifestMerger merger_;
};

}  // namespace

std::unique_ptr<TableUpdate> AppendFiles(std::vector<DataFile> files, Properties summary) {
  return std::make_unique<AppendFilesUpdate>(std::move(files), std::move(summary));
}

}  // namespace octolake::iceberg
