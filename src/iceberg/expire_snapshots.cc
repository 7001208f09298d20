#include "iceberg/expire_snapshots.h"

#include <set>
#include <utility>

#include "iceberg/history_line.h"
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
    if (expiry.snapshots.empty()) return {};
    std::set<int64_t> ancestors = TaggedAncestors(metadata);
    RemoveSnapshots(metadata, expiry.snapshots);
    NoteLine(metadata, std::move(ancestors));
    return {};
  }

  std::vector<std::string> Unused(const TableMetadata* /*committed*/) const override { return {}; }

 private:
  std::set<int64_t> TaggedAncestors(const TableMetadata& metadata) const {
    std::set<int64_t> ancestors;
    if (policy_.lasting_tags.empty()) return ancestors;
    for (const auto& [name, ref] : metadata.refs) {
      if (name.starts_with(policy_.lasting_tags) &&
          CurrentCameFrom(metadata, ref.snapshot_id) == Descent::kYes) {
        ancestors.insert(ref.snapshot_id);
      }
    }
    return ancestors;
  }

  const RetentionPolicy policy_;
};

}  // namespace

std::unique_ptr<TableUpdate> ExpireSnapshots(RetentionPolicy policy) {
  return std::make_unique<ExpireSnapshotsUpdate>(std::move(policy));
}

}  // namespace octolake::iceberg
