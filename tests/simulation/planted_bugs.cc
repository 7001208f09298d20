#include "planted_bugs.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/civil_time.h"
#include "datafile/table_writer.h"
#include "iceberg/catalog_decorator.h"
#include "iceberg/manifest_io.h"
#include "iceberg/metadata_file.h"
#include "iceberg/rewrite_files.h"
#include "iceberg/scan.h"
#include "iceberg/transaction.h"
#include "maintain/compaction_plan.h"
#include "maintain/rewrite_group.h"

namespace octolake::simulation {
namespace {

using iceberg::Table;
using iceberg::TableChange;
using iceberg::TableIdentifier;
using iceberg::TableMetadata;

bool InDoubt(const Result<std::vector<Table>>& committed) {
  return !committed && committed.error().kind == ErrorKind::kCommitStateUnknown;
}

class RemovingCatalog final : public iceberg::CatalogDecorator {
 public:
  RemovingCatalog(Process& process, std::unique_ptr<iceberg::Catalog> inner)
      : CatalogDecorator(std::move(inner)), process_(process) {}

  Result<std::vector<Table>> CommitTables(std::vector<TableChange> changes) override {
    const std::vector<TableChange> copy = changes;
    auto committed = inner().CommitTables(std::move(changes));
    if (!InDoubt(committed)) return committed;
    for (const TableChange& change : copy) RemoveAdded(change);
    return committed;
  }

 private:
  void RemoveAdded(const TableChange& change) {
    io::FileSystem& fs = process_.warehouse().file_system();
    for (const iceberg::Snapshot& snapshot : change.metadata.snapshots) {
      if (!change.base || change.base->metadata->FindSnapshot(snapshot.snapshot_id)) continue;
      const auto manifests = iceberg::ReadManifestList(fs, snapshot.manifest_list);
      if (!manifests) continue;
      for (const iceberg::ManifestFile& manifest : *manifests) {
        const auto entries = iceberg::ReadManifest(fs, manifest, change.metadata);
        if (!entries) continue;
        for (const iceberg::ManifestEntry& entry : *entries) {
          const bool added = entry.status == iceberg::EntryStatus::kAdded &&
                             entry.snapshot_id == snapshot.snapshot_id;
          if (added) static_cast<void>(fs.Remove(entry.data_file.file_path));
        }
      }
    }
  }

  Process& process_;
};

class ForgetfulCatalog final : public iceberg::CatalogDecorator {
 public:
  using CatalogDecorator::CatalogDecorator;
  Result<std::vector<Table>> CommitTables(std::vector<TableChange> changes) override {
    auto committed = inner().CommitTables(std::move(changes));
    if (!InDoubt(committed)) return committed;
    return MakeError(ErrorKind::kTransient, "no reply");
  }
};

class StaleCatalog final : public iceberg::CatalogDecorator {
 public:
  StaleCatalog(Process& process, std::unique_ptr<iceberg::Catalog> inner)
      : CatalogDecorator(std::move(inner)), process_(process) {}

  Result<Table> LoadTable(const TableIdentifier& identifier) override {
    if (!process_.planted) {
      loaded_.clear();
      return inner().LoadTable(identifier);
    }
    const auto known = loaded_.find(identifier);
    if (known != loaded_.end()) return known->second;
    auto table = inner().LoadTable(identifier);
    if (!table) return table;
    loaded_.emplace(identifier, *table);
    process_.hides = [this](const std::string& location) { return IsNewer(location); };
    return table;
  }

 private:
  bool IsNewer(const std::string& location) const {
    return location.ends_with(".metadata.json") &&
           std::any_of(loaded_.begin(), loaded_.end(), [&](const auto& one) {
             const Table& table = one.second;
             const std::string directory = iceberg::MetadataDirectory(*table.metadata) + "/";
             return location.starts_with(directory) &&
                    iceberg::MetadataVersion(location) >
                        iceberg::MetadataVersion(table.metadata_location);
           });
  }

  Process& process_;
  std::map<TableIdentifier, Table> loaded_;
};

class MainOnlyCatalog final : public iceberg::CatalogDecorator {
 public:
  MainOnlyCatalog(Process& process, std::unique_ptr<iceberg::Catalog> inner)
      : CatalogDecorator(std::move(inner)), process_(process) {}

  Result<Table> LoadTable(const TableIdentifier& identifier) override {
    auto table = inner().LoadTable(identifier);
    if (!table || !process_.planted) return table;
    whole_[identifier] = table->metadata;
    auto metadata = std::make_shared<TableMetadata>(*table->metadata);
    std::erase_if(metadata->refs, [](const auto& ref) { return ref.first != "main"; });
    table->metadata = std::move(metadata);
    return table;
  }

  Result<std::vector<Table>> CommitTables(std::vector<TableChange> changes) override {
    if (!process_.planted) return inner().CommitTables(std::move(changes));
    std::vector<std::shared_ptr<const TableMetadata>> as_asked;
    for (TableChange& change : changes) {
      as_asked.push_back(std::make_shared<const TableMetadata>(change.metadata));
      const TableMetadata& whole = *whole_.at(change.identifier);
      for (const auto& [name, ref] : whole.refs) {
        if (name == "main") continue;
        change.metadata.refs[name] = ref;
        if (change.metadata.FindSnapshot(ref.snapshot_id) == nullptr) {
          change.metadata.snapshots.push_back(*whole.FindSnapshot(ref.snapshot_id));
        }
      }
    }
    auto committed = inner().CommitTables(std::move(changes));
    for (size_t i = 0; committed && i < committed->size(); ++i) {
      (*committed)[i].metadata = as_asked[i];
    }
    return committed;
  }

 private:
  Process& process_;
  std::map<TableIdentifier, std::shared_ptr<const TableMetadata>> whole_;
};

}  // namespace

std::unique_ptr<iceberg::Catalog> Plant(Bug bug, Process& process,
                                        std::unique_ptr<iceberg::Catalog> catalog) {
  switch (bug) {
    case Bug::kRemovesFilesInDoubt:
      return std::make_unique<RemovingCatalog>(process, std::move(catalog));
    case Bug::kDoesNotLookAgain:
      return std::make_unique<StaleCatalog>(process, std::move(catalog));
    case Bug::kExpiresByMainOnly:
      return std::make_unique<MainOnlyCatalog>(process, std::move(catalog));
    case Bug::kTakesLostReplyForFailure:
      return std::make_unique<ForgetfulCatalog>(std::move(catalog));
    case Bug::kNone:
    case Bug::kValidatesAtCommitTime:
      break;
  }
  return catalog;
}

Status CompactValidatingLate(Process& process, const TableIdentifier& name,
                             const maintain::CompactionOptions& options) {
  lake::Warehouse& warehouse = process.warehouse();
  io::FileSystem& fs = warehouse.file_system();
  OCTO_ASSIGN(const Table table, warehouse.catalog().LoadTable(name));
  OCTO_ASSIGN(auto tasks, iceberg::PlanScan(fs, *table.metadata, std::nullopt, {}));
  OCTO_ASSIGN(const auto groups,
              maintain::PlanCompaction(*table.metadata, std::move(tasks), options.scope,
                                       DaysOfMicros(warehouse.clock().Now())));
  if (groups.empty()) return {};
  maintain::RewriteRequest request{.group = groups.front(),
                                   .columns = {},
                                   .temp_directory = warehouse.temp_directory(),
                                   .threads = 0,
                                   .writer = {},
                                   .stop = {},
                                   .on_rows = [](int64_t) {}};
  OCTO_ASSIGN(const auto files,
              maintain::RewriteGroup(fs, warehouse.random(), *table.metadata, request));
  // The bug: what came since the plan above is taken for known.
  OCTO_ASSIGN(const Table now, warehouse.catalog().LoadTable(name));
  OCTO_ASSIGN(const auto tasks_now, iceberg::PlanScan(fs, *now.metadata, std::nullopt, {}));
  std::set<std::string> replaced;
  for (const auto& task : groups.front().files) replaced.insert(task.file.file_path);
  iceberg::FileRewrite rewrite;
  rewrite.added = *files;
  rewrite.start_sequence_number = now.metadata->last_sequence_number;
  for (const iceberg::ScanTask& task : tasks_now) {
    if (replaced.contains(task.file.file_path)) rewrite.replaced.push_back(task);
  }
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(name, iceberg::AssertTableUuid(table.metadata->table_uuid));
  transaction.Add(name, iceberg::RewriteFiles(std::move(rewrite), {}));
  const auto committed = transaction.Commit();
  if (committed) return {};
  if (committed.error().kind != ErrorKind::kCommitStateUnknown) datafile::RemoveFiles(fs, *files);
  return tl::unexpected<Error>(committed.error());
}

}  // namespace octolake::simulation
