#include <utility>

#include "iceberg/history_line.h"
#include "iceberg/snapshot_producer.h"
#include "iceberg/update.h"

namespace octolake::iceberg {
namespace {

std::string SnapshotText(std::optional<int64_t> snapshot_id) {
  return snapshot_id ? "snapshot " + std::to_string(*snapshot_id) : "no snapshot";
}

tl::unexpected<Error> NoSnapshot(const TableMetadata& metadata, int64_t snapshot_id) {
  return MakeError(ErrorKind::kNotFound, "table " + metadata.location + " has no snapshot " +
                                             std::to_string(snapshot_id) + "; it may have expired");
}

// An update that writes no files.
class MetadataUpdate : public TableUpdate {
 public:
  std::vector<std::string> Unused(const TableMetadata* /*committed*/) const override { return {}; }
};

class SetTagUpdate final : public MetadataUpdate {
 public:
  SetTagUpdate(std::string name, std::optional<int64_t> snapshot_id)
      : name_(std::move(name)), snapshot_id_(snapshot_id) {}

  Status Apply(const UpdateContext& /*context*/, TableMetadata& metadata) override {
    const auto target = snapshot_id_ ? snapshot_id_ : metadata.current_snapshot_id;
    if (!target) {
      return MakeError(
          ErrorKind::kNotFound,
          "table " + metadata.location + " has no snapshot that tag '" + name_ + "' could name");
    }
    if (metadata.FindSnapshot(*target) == nullptr) return NoSnapshot(metadata, *target);
    const auto found = metadata.refs.find(name_);
    if (name_ == "main" || (found != metadata.refs.end() && found->second.is_branch)) {
      return MakeError(ErrorKind::kInvalidArgument, "'" + name_ + "' is a branch of table " +
                                                        metadata.location + " and cannot be a tag");
    }
    // A tag that is moved keeps its age limit.
    metadata.refs[name_].snapshot_id = *target;
    return {};
  }

 private:
  const std::string name_;
  const std::optional<int64_t> snapshot_id_;
};

class AssertTagUpdate final : public MetadataUpdate {
 public:
  AssertTagUpdate(std::string name, std::optional<int64_t> snapshot_id)
      : name_(std::move(name)), snapshot_id_(snapshot_id) {}

  Status Apply(const UpdateContext& /*context*/, TableMetadata& metadata) override {
    std::optional<int64_t> actual;
    const auto found = metadata.refs.find(name_);
    if (found != metadata.refs.end()) actual = found->second.snapshot_id;
    if (actual == snapshot_id_) return {};
    return MakeError(ErrorKind::kCommitConflict,
                     "tag '" + name_ + "' of table " + metadata.location + " is at " +
                         SnapshotText(actual) + ", expected " + SnapshotText(snapshot_id_) +
                         "; start again from the present state");
  }

 private:
  const std::string name_;
  const std::optional<int64_t> snapshot_id_;
};

class AssertCurrentSnapshotUpdate final : public MetadataUpdate {
 public:
  explicit AssertCurrentSnapshotUpdate(std::optional<int64_t> snapshot_id)
      : snapshot_id_(snapshot_id) {}

  Status Apply(const UpdateContext& /*context*/, TableMetadata& metadata) override {
    if (metadata.current_snapshot_id == snapshot_id_) return {};
    return MakeError(ErrorKind::kCommitConflict, "table " + metadata.location + " is at " +
                                                     SnapshotText(metadata.current_snapshot_id) +
                                                     ", expected " + SnapshotText(snapshot_id_) +
                                                     "; start again from the present state");
  }

 private:
  const std::optional<int64_t> snapshot_id_;
};

class AssertInHistoryUpdate final : public MetadataUpdate {
 public:
  explicit AssertInHistoryUpdate(int64_t snapshot_id) : snapshot_id_(snapshot_id) {}

  Status Apply(const UpdateContext& /*context*/, TableMetadata& metadata) override {
    if (CurrentCameFrom(metadata, snapshot_id_) == Descent::kYes) return {};
    return MakeError(ErrorKind::kCommitConflict,
                     "table " + metadata.location + " is at " +
                         SnapshotText(metadata.current_snapshot_id) + ", which " +
                         SnapshotText(snapshot_id_) +
                         " is no known ancestor of; start again from the present state");
  }

 private:
  const int64_t snapshot_id_;
};

class AssertTableUuidUpdate final : public MetadataUpdate {
 public:
  explicit AssertTableUuidUpdate(std::string uuid) : uuid_(std::move(uuid)) {}

  Status Apply(const UpdateContext& /*context*/, TableMetadata& metadata) override {
    if (metadata.table_uuid == uuid_) return {};
    return MakeError(ErrorKind::kNotFound, "the table with UUID " + uuid_ +
                                               " was dropped and another of its name, with UUID " +
                                               metadata.table_uuid +
                                               ", is in its place; run the command again");
  }

 private:
  const std::string uuid_;
};

class RollbackUpdate final : public MetadataUpdate {
 public:
  explicit RollbackUpdate(int64_t snapshot_id) : snapshot_id_(snapshot_id) {}

  Status Apply(const UpdateContext& context, TableMetadata& metadata) override {
    if (metadata.FindSnapshot(snapshot_id_) == nullptr) return NoSnapshot(metadata, snapshot_id_);
    if (metadata.current_snapshot_id == snapshot_id_) return {};
    if (CurrentCameFrom(metadata, snapshot_id_) == Descent::kNo) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "snapshot " + std::to_string(snapshot_id_) +
                           " is no ancestor of the current snapshot of table " + metadata.location);
    }
    SetCurrentSnapshot(metadata, snapshot_id_, ChangeTimeMs(context.clock, metadata));
    return {};
  }

 private:
  const int64_t snapshot_id_;
};

class SetPropertiesUpdate final : public MetadataUpdate {
 public:
  explicit SetPropertiesUpdate(Properties properties) : properties_(std::move(properties)) {}

  Status Apply(const UpdateContext& /*context*/, TableMetadata& metadata) override {
    for (const auto& [name, value] : properties_) metadata.properties[name] = value;
    return {};
  }

 private:
  const Properties properties_;
};

}  // namespace

std::unique_ptr<TableUpdate> SetTag(std::string name, std::optional<int64_t> snapshot_id) {
  return std::make_unique<SetTagUpdate>(std::move(name), snapshot_id);
}

std::unique_ptr<TableUpdate> AssertTag(std::string name, std::optional<int64_t> snapshot_id) {
  return std::make_unique<AssertTagUpdate>(std::move(name), snapshot_id);
}

std::unique_ptr<TableUpdate> AssertCurrentSnapshot(std::optional<int64_t> snapshot_id) {
  return std::make_unique<AssertCurrentSnapshotUpdate>(snapshot_id);
}

std::unique_ptr<TableUpdate> AssertInHistory(int64_t snapshot_id) {
  return std::make_unique<AssertInHistoryUpdate>(snapshot_id);
}

std::unique_ptr<TableUpdate> AssertTableUuid(std::string uuid) {
  return std::make_unique<AssertTableUuidUpdate>(std::move(uuid));
}

std::unique_ptr<TableUpdate> SetProperties(Properties properties) {
  return std::make_unique<SetPropertiesUpdate>(std::move(properties));
}

std::unique_ptr<TableUpdate> RollbackTo(int64_t snapshot_id) {
  return std::make_unique<RollbackUpdate>(snapshot_id);
}

}  // namespace octolake::iceberg
