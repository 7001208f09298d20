// A catalog in memory whose commits can be made to lose races and replies.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/catalog.h"

namespace octolake::iceberg {

class FakeCatalog final : public Catalog {
 public:
  // Called before each commit is decided; may commit something else in between.
  std::function<void()> before_commit;
  // Called after the next commit took effect; may commit something else before the reply.
  std::function<void()> after_commit;
  // The next commits take effect, but their replies are lost.
  int lose_replies = 0;
  // The next commits do not take effect, and that is not known.
  int lose_requests = 0;
  int fail_loads = 0;
  // The next load gives this state of the table, as a cache would.
  std::optional<Table> stale;
  // The next commits find the catalog locked by others.
  int busy = 0;
  int commits = 0;

  Result<Table> Create(const TableIdentifier& identifier, const NewTable& table) {
    OCTO_ASSIGN(TableMetadata metadata,
                MakeTableMetadata(table, "00000000-0000-4000-8000-000000000001", 1));
    std::vector<TableChange> changes;
    changes.push_back({.identifier = identifier, .base = {}, .metadata = std::move(metadata)});
    OCTO_ASSIGN(std::vector<Table> tables, Decide(changes));
    return tables.front();
  }

  Status CreateNamespace(const std::string&, const Properties&) override { return {}; }
  Result<std::vector<std::string>> ListNamespaces() override { return std::vector<std::string>(); }
  Result<std::vector<TableIdentifier>> ListTables(const std::string&) override {
    return std::vector<TableIdentifier>();
  }
  std::string DisplayName() const override { return "fake catalog"; }
  std::string DefaultTableLocation(const TableIdentifier& identifier) const override {
    return "/warehouse/" + identifier.name_space + "/" + identifier.name;
  }

  Result<Table> LoadTable(const TableIdentifier& identifier) override {
    if (fail_loads > 0) {
      --fail_loads;
      return MakeError(ErrorKind::kIo, "the catalog cannot be reached");
    }
    if (stale) return *std::exchange(stale, std::nullopt);
    const auto found = tables_.find(identifier);
    if (found == tables_.end()) {
      return MakeError(ErrorKind::kNotFound, "no table " + identifier.ToString());
    }
    return found->second;
  }

  Result<std::vector<Table>> CommitTables(std::vector<TableChange> changes) override {
    ++commits;
    if (auto hook = std::exchange(before_commit, nullptr)) hook();
    if (busy > 0) {
      --busy;
      return MakeError(ErrorKind::kTransient, "the catalog is locked");
    }
    if (lose_requests > 0) {
      --lose_requests;
      return MakeError(ErrorKind::kCommitStateUnknown, "no reply");
    }
    auto decided = Decide(changes);
    const bool lost = decided && lose_replies > 0;
    if (lost) --lose_replies;
    if (auto hook = std::exchange(after_commit, nullptr)) hook();
    if (lost) return MakeError(ErrorKind::kCommitStateUnknown, "no reply");
    return decided;
  }
  Status DropTable(const TableIdentifier& identifier) override {
    tables_.erase(identifier);
    return {};
  }

 private:
  Result<std::vector<Table>> Decide(const std::vector<TableChange>& changes) {
    for (const TableChange& change : changes) {
      const auto found = tables_.find(change.identifier);
      const std::string present = found == tables_.end() ? "" : found->second.metadata_location;
      if ((change.base ? change.base->metadata_location : "") != present) {
        return MakeError(ErrorKind::kCommitConflict, change.identifier.ToString() + " has changed");
      }
    }
    std::vector<Table> committed;
    for (const TableChange& change : changes) {
      // Through JSON, as a real catalog does.
      OCTO_ASSIGN(TableMetadata metadata,
                  ParseTableMetadata(TableMetadataToJson(change.metadata), "the new metadata"));
      Table table{.identifier = change.identifier,
                  .metadata_location = metadata.location + "/metadata/" +
                                       std::to_string(++versions_) + ".metadata.json",
                  .metadata = std::make_shared<const TableMetadata>(std::move(metadata))};
      tables_[change.identifier] = table;
      committed.push_back(std::move(table));
    }
    return committed;
  }

  std::map<TableIdentifier, Table> tables_;
  int versions_ = 0;
};

}  // namespace octolake::iceberg
