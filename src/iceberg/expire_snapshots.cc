#include "iceberg/expire_snapshots.h"

#include <utility>

#include "iceberg/snapshot_producer.h"

namespace octolake::iceberg {
namespace {

class ExpireSnapshotsUpdate final : public TableUpdate {
 public:
  explicit ExpireSnapshotsUpdate(RetentionPolicy policy) : policy_(std::move(policy)) {}

  Status Apply(const UpdateContext& context, TableMetadata& metadata) override {
    OCTO_ASSIGN(const Expiry expiry,
                PlanExpiry(metadata, policy_, ChangeTimeMs(context.clock, metadata)));
    for (const std::string& name : expiry.refs) metadata.refs.erase(name);
    RemoveSnapshots(metadata, expiry.snapshots);
    return {};
  }

  std::vector<std::string> Unused(const TableMetadata* /*committed*/) const override { return {}; }

 private:
  const RetentionPolicy policy_;
};

}  // namespace

std::unique_ptr<TableUpdate> ExpireSnapshots(RetentionPolicy policy) {
  return std::make_unique<ExpireSnapshotsUpdate>(std::move(policy));
}

}  // namespace octolake::iceberg
