#include <utility>

#include "iceberg/catalog_decorator.h"
#include "iceberg/metadata_file.h"
#include "process.h"

namespace octolake::simulation {
namespace {

class ProcessCatalog final : public iceberg::CatalogDecorator {
 public:
  ProcessCatalog(Process& process, std::unique_ptr<iceberg::Catalog> inner)
      : CatalogDecorator(std::move(inner)), process_(process), world_(process.world()) {}

  Status CreateNamespace(const std::string& name_space,
                         const iceberg::Properties& properties) override {
    OCTO_TRY(Ask(StepKind::kCatalog, name_space));
    return inner().CreateNamespace(name_space, properties);
  }
  Result<std::vector<std::string>> ListNamespaces() override {
    OCTO_TRY(Ask(StepKind::kCatalog, "namespaces"));
    return inner().ListNamespaces();
  }
  Result<std::vector<iceberg::TableIdentifier>> ListTables(const std::string& name_space) override {
    OCTO_TRY(Ask(StepKind::kCatalog, name_space));
    return inner().ListTables(name_space);
  }
  Result<iceberg::Table> LoadTable(const iceberg::TableIdentifier& identifier) override {
    OCTO_TRY(Ask(StepKind::kLoad, identifier.ToString()));
    return inner().LoadTable(identifier);
  }
  Status DropTable(const iceberg::TableIdentifier& identifier) override {
    OCTO_TRY(Ask(StepKind::kCatalog, identifier.ToString()));
    world_.Note(process_.name() + " drops " + identifier.ToString());
    const Status dropped = inner().DropTable(identifier);
    if (world_.witness != nullptr) world_.witness->OnCatalogChange({identifier});
    return dropped;
  }

  Result<std::vector<iceberg::Table>> CommitTables(
      std::vector<iceberg::TableChange> changes) override {
    const std::string name = changes.front().identifier.ToString();
    OCTO_TRY(Ask(StepKind::kCommit, name));
    Choices& choices = world_.choices;
    const bool doubt = world_.faults && choices.Chance(world_.rates.commit_doubt);
    if (!doubt && world_.faults && choices.Chance(world_.rates.commit_busy)) {
      ++world_.counts["catalog locked"];
      world_.Note(process_.name() + " finds the catalog locked");
      return tl::unexpected<Error>(process_.Failed(StepKind::kCommit, name));
    }
    if (doubt && choices.Chance(0.4)) return LoseRequest(changes);
    for (const auto& change : changes) process_.in_commit.push_back(change.identifier);
    auto committed = inner().CommitTables(std::move(changes));
    const auto tables = std::exchange(process_.in_commit, {});
    if (world_.witness != nullptr) world_.witness->OnCatalogChange(tables);
    if (!committed || (!doubt && !process_.dead())) return committed;
    ++world_.counts["replies to commits lost"];
    world_.Note(process_.name() + " gets no reply to its commit of " + name);
    return MakeError(ErrorKind::kCommitStateUnknown, "no reply");
  }

 private:
  Status Ask(StepKind kind, const std::string& what) {
    if (process_.Take(kind, what) == StepEffect::kProceeds) return {};
    return tl::unexpected<Error>(process_.Failed(kind, what));
  }

  // The new metadata is there, the catalog never heard of it, and nobody says so.
  Result<std::vector<iceberg::Table>> LoseRequest(
      const std::vector<iceberg::TableChange>& changes) {
    ++world_.counts["requests for commits lost"];
    world_.Note(process_.name() + " asks in vain for a commit of " +
                changes.front().identifier.ToString());
    for (const iceberg::TableChange& change : changes) {
      iceberg::TableMetadata metadata = change.metadata;
      const std::string base = change.base ? change.base->metadata_location : "";
      if (change.base) {
        static_cast<void>(
            iceberg::ExtendMetadataLog(metadata, {change.base->metadata->last_updated_ms, base}));
      }
      const std::string location = iceberg::NextMetadataLocation(metadata, base, world_.random);
      static_cast<void>(
          iceberg::WriteMetadataFile(process_.warehouse().file_system(), location, metadata));
    }
    return MakeError(ErrorKind::kCommitStateUnknown, "no reply");
  }

  Process& process_;
  World& world_;
};

}  // namespace

std::unique_ptr<iceberg::Catalog> MakeProcessCatalog(Process& process,
                                                     std::unique_ptr<iceberg::Catalog> inner) {
  return std::make_unique<ProcessCatalog>(process, std::move(inner));
}

}  // namespace octolake::simulation
